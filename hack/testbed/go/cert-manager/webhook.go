package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/cert-manager/cert-manager/internal/webhook"
	"github.com/cert-manager/cert-manager/pkg/logs"
	utilfeature "github.com/cert-manager/cert-manager/pkg/util/feature"
	"github.com/cert-manager/cert-manager/pkg/webhook/admission"
	"github.com/cert-manager/cert-manager/pkg/webhook/options"
	"github.com/spf13/pflag"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
)

// runWebhook serves cert-manager's own admission chain, with cert-manager's own flags.
//
// The chain and the scheme are those of cert-manager's server. The listener is not: that one binds
// every interface of the machine, and a control plane for tests stays on loopback.
func runWebhook(ctx context.Context, args []string) error {
	config, err := options.NewWebhookConfiguration()
	if err != nil {
		return err
	}
	fs := pflag.NewFlagSet("cert-manager webhook", pflag.ContinueOnError)
	options.AddConfigFlags(fs, config)
	if err := fs.Parse(args); err != nil {
		return err
	}
	if err := logs.ValidateAndApply(&config.Logging); err != nil {
		return err
	}
	if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(config.FeatureGates); err != nil {
		return err
	}
	if !config.TLSConfig.FilesystemConfigProvided() {
		return errors.New("--tls-cert-file and --tls-private-key-file are needed")
	}

	chain, err := webhook.NewCertManagerWebhookServer(logs.Log, *config)
	if err != nil {
		return err
	}
	server := ctrlwebhook.NewServer(ctrlwebhook.Options{
		Host:     "127.0.0.1",
		Port:     int(config.SecurePort),
		CertDir:  filepath.Dir(config.TLSConfig.Filesystem.CertFile),
		CertName: filepath.Base(config.TLSConfig.Filesystem.CertFile),
		KeyName:  filepath.Base(config.TLSConfig.Filesystem.KeyFile),
	})
	server.Register("/validate", admission.NewCustomValidationWebhook(chain.ResourceScheme, chain.ValidationWebhook))
	server.Register("/mutate", admission.NewCustomMutationWebhook(chain.MutationWebhook))
	return server.Start(ctx)
}
