// Verifies a certificate for each purpose that it names:
//
//	verify <seconds since 1970> <leaf.pem> <chain.pem> <roots.pem>
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strconv"
	"time"
)

func main() {
	if err := verify(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func verify(args []string) error {
	seconds, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return err
	}
	leaf, err := read(args[1])
	if err != nil {
		return err
	}
	intermediates, err := pool(args[2])
	if err != nil {
		return err
	}
	roots, err := pool(args[3])
	if err != nil {
		return err
	}
	usages := leaf[0].ExtKeyUsage
	if len(usages) == 0 {
		usages = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
	}
	for _, usage := range usages {
		options := x509.VerifyOptions{
			Roots:         roots,
			Intermediates: intermediates,
			CurrentTime:   time.Unix(seconds, 0),
			KeyUsages:     []x509.ExtKeyUsage{usage},
		}
		if _, err := leaf[0].Verify(options); err != nil {
			return err
		}
	}
	return nil
}

func pool(path string) (*x509.CertPool, error) {
	certificates, err := read(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, certificate := range certificates {
		pool.AddCert(certificate)
	}
	return pool, nil
}

func read(path string) ([]*x509.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var certificates []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return certificates, nil
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, certificate)
	}
}
