// TLS servers and clients with Go's crypto/tls.
//
// A server is a DNS name or a SPIFFE ID. A peer whose own certificate has a SPIFFE ID accepts only
// clients of its trust domain.
//
// Reads requests from standard input, one JSON object per line, and writes a response for each:
//
//	{"id", "op": "set", "name", "chain", "key", "roots"}  ->  {"id", "port"}
//	{"id", "op": "connect", "name", "server", "port"}     ->  {"id"} or {"id", "error"}
//	{"id", "op": "refusal", "name"}                       ->  {"id", "error"}
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

const timeout = 60 * time.Second

type request struct {
	ID     uint64 `json:"id"`
	Op     string `json:"op"`
	Name   string `json:"name"`
	Chain  string `json:"chain"`
	Key    string `json:"key"`
	Roots  string `json:"roots"`
	Server string `json:"server"`
	Port   int    `json:"port"`
}

type response struct {
	ID    uint64 `json:"id"`
	Port  int    `json:"port,omitempty"`
	Error string `json:"error,omitempty"`
}

// identity is a certificate, its key and the trusted roots, for both directions.
type identity struct {
	mutex    sync.Mutex
	config   *tls.Config
	listener net.Listener
	refusal  string
}

var (
	mutex      sync.Mutex
	identities = map[string]*identity{}
)

func find(name string) *identity {
	mutex.Lock()
	defer mutex.Unlock()
	if identities[name] == nil {
		identities[name] = &identity{refusal: "none"}
	}
	return identities[name]
}

func (i *identity) set(chain, key, roots string) (int, error) {
	certificate, err := tls.X509KeyPair([]byte(chain), []byte(key))
	if err != nil {
		return 0, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(roots)) {
		return 0, errors.New("no roots")
	}
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.config = &tls.Config{
		Certificates:           []tls.Certificate{certificate},
		RootCAs:                pool,
		ClientCAs:              pool,
		ClientAuth:             tls.RequireAndVerifyClientCert,
		SessionTicketsDisabled: true,
	}
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		return 0, err
	}
	if own := spiffeID(leaf); own != nil {
		i.config.VerifyConnection = func(state tls.ConnectionState) error {
			// A client verifies one ID by a function of its own.
			if other := spiffeID(state.PeerCertificates[0]); other == nil || other.Host != own.Host {
				return fmt.Errorf("%v is not in the trust domain %s", other, own.Host)
			}
			return nil
		}
	}
	if i.listener == nil {
		if i.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return 0, err
		}
		go i.accept(i.listener)
	}
	return i.listener.Addr().(*net.TCPAddr).Port, nil
}

// spiffeID returns the only URI of a certificate, if that is a SPIFFE ID.
func spiffeID(certificate *x509.Certificate) *url.URL {
	if len(certificate.URIs) == 1 && certificate.URIs[0].Scheme == "spiffe" {
		return certificate.URIs[0]
	}
	return nil
}

// expect has a client accept the server with this SPIFFE ID only. Such a certificate has no DNS
// name, so the chain is verified here.
func expect(config *tls.Config, id string) {
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(state tls.ConnectionState) error {
		intermediates := x509.NewCertPool()
		for _, certificate := range state.PeerCertificates[1:] {
			intermediates.AddCert(certificate)
		}
		leaf := state.PeerCertificates[0]
		options := x509.VerifyOptions{Roots: config.RootCAs, Intermediates: intermediates}
		if _, err := leaf.Verify(options); err != nil {
			return err
		}
		if found := spiffeID(leaf); found == nil || found.String() != id {
			return fmt.Errorf("the server is %v, not %s", found, id)
		}
		return nil
	}
}

func (i *identity) current() *tls.Config {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return i.config.Clone()
}

func (i *identity) accept(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			if err := serve(connection, i.current()); err != nil {
				i.mutex.Lock()
				i.refusal = err.Error()
				i.mutex.Unlock()
			}
		}()
	}
}

func serve(connection net.Conn, config *tls.Config) error {
	connection.SetDeadline(time.Now().Add(timeout))
	server := tls.Server(connection, config)
	if err := server.Handshake(); err != nil {
		return err
	}
	if _, err := server.Write([]byte("!")); err != nil {
		return err
	}
	server.Read(make([]byte, 1))
	return nil
}

func (i *identity) connect(name string, port int) error {
	dialer := net.Dialer{Timeout: timeout}
	connection, err := dialer.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(timeout))
	config := i.current()
	if strings.HasPrefix(name, "spiffe://") {
		expect(config, name)
	} else {
		config.ServerName = name
		config.VerifyConnection = nil
	}
	client := tls.Client(connection, config)
	// In TLS 1.3 the server verifies the client after the client is done.
	if _, err := client.Read(make([]byte, 1)); err != nil {
		return err
	}
	return client.Close()
}

func respond(request request) response {
	result := response{ID: request.ID}
	var err error
	switch found := find(request.Name); request.Op {
	case "set":
		result.Port, err = found.set(request.Chain, request.Key, request.Roots)
	case "connect":
		err = found.connect(request.Server, request.Port)
	default:
		found.mutex.Lock()
		result.Error = found.refusal
		found.mutex.Unlock()
	}
	if err != nil {
		result.Error = err.Error()
	}
	return result
}

func main() {
	var output sync.Mutex
	encoder := json.NewEncoder(os.Stdout)
	lines := bufio.NewReader(os.Stdin)
	decoder := json.NewDecoder(lines)
	for {
		var next request
		if err := decoder.Decode(&next); err != nil {
			return
		}
		go func() {
			result := respond(next)
			output.Lock()
			defer output.Unlock()
			encoder.Encode(result)
		}()
	}
}
