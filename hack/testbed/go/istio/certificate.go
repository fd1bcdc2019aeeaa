package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"

	pb "istio.io/api/security/v1alpha1"
	"istio.io/istio/pkg/security"
	"istio.io/istio/security/pkg/pki/util"
)

// The CSR and the call are those of istio-agent (security/pkg/nodeagent/cache/secretcache.go and
// caclient/providers/citadel/client.go), or of ztunnel (src/tls/csr.rs, src/identity/caclient.rs).
// Neither retries here, so that a refusal shows after one minute.
type certificateParameters struct {
	// Where istiod listens, the name it is known by, and the roots its certificate is verified with.
	Address    string
	ServerName string
	Roots      string
	// The ServiceAccount token.
	Token string
	// The SPIFFE ID of the CSR.
	Identity string
	// RSA, P256 or P384; ZTUNNEL is P256 with an empty subject, for another than the token's account.
	Key string
	// The lifetime, and the signer's name in the metadata; 0 and empty leave them out.
	Seconds    int64
	CertSigner string
}

type certificateResult struct {
	// One certificate each, but for the last, which has all roots.
	Chain []string
	Key   string
}

func requestCertificate(p certificateParameters) (*certificateResult, error) {
	csr, key, err := newCSR(p)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(p.Roots)) {
		return nil, fmt.Errorf("no roots")
	}
	transport := credentials.NewTLS(&tls.Config{RootCAs: roots, ServerName: p.ServerName})
	connection, err := grpc.NewClient(p.Address, grpc.WithTransportCredentials(transport))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	call := metadata.AppendToOutgoingContext(context.Background(),
		"authorization", "Bearer "+p.Token, "ClusterID", "Kubernetes")
	fields := map[string]*structpb.Value{}
	if p.Key == "ZTUNNEL" {
		fields[security.ImpersonatedIdentity] = structpb.NewStringValue(p.Identity)
	} else {
		fields[security.CertSigner] = structpb.NewStringValue(p.CertSigner)
	}
	response, err := pb.NewIstioCertificateServiceClient(connection).CreateCertificate(call, &pb.IstioCertificateRequest{
		Csr:              string(csr),
		ValidityDuration: p.Seconds,
		Metadata:         &structpb.Struct{Fields: fields},
	})
	if err != nil {
		return nil, err
	}
	if len(response.CertChain) <= 1 {
		return nil, fmt.Errorf("invalid empty CertChain")
	}
	return &certificateResult{Chain: response.CertChain, Key: string(key)}, nil
}

func newCSR(p certificateParameters) (csr, key []byte, err error) {
	options := util.CertOptions{Host: p.Identity, RSAKeySize: 2048}
	switch p.Key {
	case "RSA":
	case "P256", "P384":
		options.ECSigAlg = util.EcdsaSigAlg
		options.ECCCurve = util.SupportedEllipticCurves(p.Key)
	case "ZTUNNEL":
		return ztunnelCSR(p.Identity)
	default:
		return nil, nil, fmt.Errorf("unknown key %q", p.Key)
	}
	return util.GenCSR(options)
}

func ztunnelCSR(identity string) ([]byte, []byte, error) {
	uri, err := url.Parse(identity)
	if err != nil {
		return nil, nil, err
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{URIs: []*url.URL{uri}}, private)
	if err != nil {
		return nil, nil, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return encode("CERTIFICATE REQUEST", csr), encode("PRIVATE KEY", key), nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// split returns what a workload presents, and the roots that it trusts: as istio-agent, which takes
// them from the last element.
func (r certificateResult) split() (chain, roots string) {
	last := len(r.Chain) - 1
	return strings.Join(r.Chain[:last], ""), r.Chain[last]
}
