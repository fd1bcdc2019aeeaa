// Prints what kstatus, Flux's copy of it, and Argo CD with the health check of the docs make of an
// object.
//
// It reads the object from standard input, as JSON. The argument is the path of the health check.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	flux "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type result struct {
	Kstatus string `json:"kstatus"`
	Flux    string `json:"flux"`
	Argo    string `json:"argo"`
	Message string `json:"message"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: kstatus HEALTH.lua < OBJECT.json")
	}
	script, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(text); err != nil {
		return err
	}
	kstatusOf, err := kstatus.Compute(object.DeepCopy())
	if err != nil {
		return fmt.Errorf("kstatus: %w", err)
	}
	fluxOf, err := flux.Compute(object.DeepCopy())
	if err != nil {
		return fmt.Errorf("Flux's kstatus: %w", err)
	}
	argo, message, err := health(string(script), object)
	if err != nil {
		return fmt.Errorf("the health check: %w", err)
	}
	return json.NewEncoder(os.Stdout).Encode(result{
		Kstatus: kstatusOf.Status.String(),
		Flux:    fluxOf.Status.String(),
		Argo:    argo,
		Message: message,
	})
}

// health runs a health check as Argo CD does (argoproj/argo-cd util/lua/lua.go): with the libraries
// base and table only, and not for an object that is being deleted.
func health(script string, object *unstructured.Unstructured) (string, string, error) {
	if object.GetDeletionTimestamp() != nil {
		return "Progressing", "Pending deletion", nil
	}
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.BaseLibName: lua.OpenBase,
		lua.TabLibName:  lua.OpenTable,
	} {
		call := lua.P{Fn: state.NewFunction(open), Protect: true}
		if err := state.CallByParam(call, lua.LString(name)); err != nil {
			return "", "", err
		}
	}
	state.SetGlobal("obj", value(state, object.Object))
	if err := state.DoString(script); err != nil {
		return "", "", err
	}
	answer, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return "", "", fmt.Errorf("returned %s, not a table", state.Get(-1).Type())
	}
	return answer.RawGetString("status").String(), answer.RawGetString("message").String(), nil
}

// value turns JSON into Lua.
func value(state *lua.LState, json any) lua.LValue {
	switch json := json.(type) {
	case bool:
		return lua.LBool(json)
	case float64:
		return lua.LNumber(json)
	case int64:
		return lua.LNumber(json)
	case string:
		return lua.LString(json)
	case []any:
		table := state.NewTable()
		for _, one := range json {
			table.Append(value(state, one))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for key, one := range json {
			table.RawSetString(key, value(state, one))
		}
		return table
	default:
		return lua.LNil
	}
}
