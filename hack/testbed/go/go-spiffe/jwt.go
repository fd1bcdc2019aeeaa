package main

import (
	"fmt"
	"os"

	"github.com/spiffe/go-spiffe/v2/bundle/jwtbundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
)

// runJWT verifies a JWT-SVID for an audience by the keys of a trust domain, a JWK Set, as of now. It
// prints the SPIFFE ID.
func runJWT(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("usage: go-spiffe jwt TRUST-DOMAIN AUDIENCE TOKEN KEYS")
	}
	trustDomain, err := spiffeid.TrustDomainFromString(args[0])
	if err != nil {
		return err
	}
	token, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	keys, err := jwtbundle.Load(trustDomain, args[3])
	if err != nil {
		return err
	}
	svid, err := jwtsvid.ParseAndValidate(string(token), keys, []string{args[1]})
	if err != nil {
		return err
	}
	fmt.Println(svid.ID)
	return nil
}
