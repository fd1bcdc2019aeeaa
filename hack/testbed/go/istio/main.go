// Stands in for the agents of two workloads in a mesh: requests their certificates from istiod, and
// connects them with each other.
//
// The argument is what to do. It reads its parameters from standard input and writes the result to
// standard output, both as JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"istio.io/istio/pkg/log"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	// Istio's packages log to standard output.
	options := log.DefaultOptions()
	options.OutputPaths = []string{"stderr"}
	options.SetDefaultOutputLevel(log.OverrideScopeName, log.WarnLevel)
	if err := log.Configure(options); err != nil {
		return err
	}
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: istio-agent certificate|connect < PARAMETERS.json")
	}
	switch command := os.Args[1]; command {
	case "certificate":
		return answer(requestCertificate)
	case "connect":
		return answer(connect)
	default:
		return fmt.Errorf("unknown command %q", command)
	}
}

func answer[P any, R any](command func(P) (R, error)) error {
	var parameters P
	if err := json.NewDecoder(os.Stdin).Decode(&parameters); err != nil {
		return err
	}
	result, err := command(parameters)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}
