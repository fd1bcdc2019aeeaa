// Reads an X509-SVID and a trust bundle as a workload with go-spiffe does, and verifies one by the
// other:
//
//	go-spiffe <seconds since 1970> <trust domain> <svid.pem> <key.pem> <bundle.pem>
//
// It prints the SPIFFE ID and the number of roots in the bundle. With a token, it verifies a JWT-SVID
// by a JWK Set, and prints the SPIFFE ID:
//
//	go-spiffe jwt <trust domain> <audience> <token> <keys.json>
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) > 0 && args[0] == "jwt" {
		return runJWT(args[1:])
	}
	if len(args) != 5 {
		return fmt.Errorf("usage: go-spiffe SECONDS TRUST-DOMAIN SVID KEY BUNDLE")
	}
	seconds, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return err
	}
	trustDomain, err := spiffeid.TrustDomainFromString(args[1])
	if err != nil {
		return err
	}
	svid, err := x509svid.Load(args[2], args[3])
	if err != nil {
		return err
	}
	bundle, err := x509bundle.Load(trustDomain, args[4])
	if err != nil {
		return err
	}
	at := x509svid.WithTime(time.Unix(seconds, 0))
	id, _, err := x509svid.Verify(svid.Certificates, bundle, at)
	if err != nil {
		return err
	}
	if id != svid.ID {
		return fmt.Errorf("loaded as %s, verified as %s", svid.ID, id)
	}
	fmt.Println(id, len(bundle.X509Authorities()))
	return nil
}
