package main

import (
	"crypto/tls"
	"fmt"
	"net"

	"istio.io/istio/pkg/spiffe"
)

// Two workloads, as istiod's responses made them.
type connectParameters struct {
	TrustDomain string
	Client      certificateResult
	Server      certificateResult
}

// The SPIFFE IDs that the other side has verified.
type connectResult struct {
	Client string
	Server string
}

// connect completes one TLS 1.3 handshake. Each side verifies the other with the roots that came
// with its own certificate, by Istio's verifier of peers.
func connect(p connectParameters) (*connectResult, error) {
	client, err := config(p.Client, p.TrustDomain)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	server, err := config(p.Server, p.TrustDomain)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	clientSide, serverSide := net.Pipe()
	defer clientSide.Close()
	defer serverSide.Close()
	accepted := make(chan error, 1)
	serverTLS := tls.Server(serverSide, server)
	go func() {
		err := serverTLS.Handshake()
		if err == nil {
			_, err = serverTLS.Write([]byte("!"))
		}
		accepted <- err
	}()
	clientTLS := tls.Client(clientSide, client)
	// In TLS 1.3 the server verifies the client after the client is done.
	if _, err := clientTLS.Read(make([]byte, 1)); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if err := <-accepted; err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return &connectResult{Client: peer(serverTLS), Server: peer(clientTLS)}, nil
}

func config(workload certificateResult, trustDomain string) (*tls.Config, error) {
	chain, roots := workload.split()
	certificate, err := tls.X509KeyPair([]byte(chain), []byte(workload.Key))
	if err != nil {
		return nil, err
	}
	verifier := spiffe.NewPeerCertVerifier()
	if err := verifier.AddMappingFromPEM(trustDomain, []byte(roots)); err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{certificate},
		MinVersion:   tls.VersionTLS13,
		ClientAuth:   tls.RequireAnyClientCert,
		// There are no DNS names: the verifier checks the chain and that there is one SPIFFE ID.
		InsecureSkipVerify:    true,
		VerifyPeerCertificate: verifier.VerifyPeerCert,
		// A ticket would have to be read before the handshake is done on a pipe.
		SessionTicketsDisabled: true,
	}, nil
}

func peer(connection *tls.Conn) string {
	return connection.ConnectionState().PeerCertificates[0].URIs[0].String()
}
