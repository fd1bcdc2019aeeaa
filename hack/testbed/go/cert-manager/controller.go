package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cert-manager/cert-manager/internal/controller/feature"
	"github.com/cert-manager/cert-manager/pkg/controller"
	"github.com/cert-manager/cert-manager/pkg/logs"
	utilfeature "github.com/cert-manager/cert-manager/pkg/util/feature"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	logsapi "k8s.io/component-base/logs/api/v1"

	// Each of these packages registers its controllers or its issuer type when it is imported.
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/metrics"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificatesigningrequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificatesigningrequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
)

// The controllers with this prefix run only under this feature gate, as in cert-manager's own main.
const experimental = "certificatesigningrequests-"

type controllerFlags struct {
	options      controller.ContextOptions
	controllers  []string
	featureGates string
	workers      int
	healthz      string
}

// parseControllerFlags uses the names and defaults of cert-manager's own flags.
func parseControllerFlags(args []string) (*controllerFlags, error) {
	f := &controllerFlags{}
	o := &f.options
	o.ClusterIssuerAmbientCredentials = true
	o.CopiedAnnotationPrefixes = []string{"*", "-kubectl.kubernetes.io/", "-fluxcd.io/", "-argocd.argoproj.io/"}

	logging := logsapi.NewLoggingConfiguration()
	fs := pflag.NewFlagSet("cert-manager controller", pflag.ContinueOnError)
	fs.StringVar(&o.Kubeconfig, "kubeconfig", "", "kubeconfig of the API server")
	fs.Float32Var(&o.KubernetesAPIQPS, "kube-api-qps", 20, "requests per second if the server has no fairness of its own")
	fs.IntVar(&o.KubernetesAPIBurst, "kube-api-burst", 50, "requests at once if the server has no fairness of its own")
	fs.StringVar(&o.ClusterResourceNamespace, "cluster-resource-namespace", "kube-system", "namespace of the Secrets of ClusterIssuers")
	fs.DurationVar(&o.CertificateRequestMinimumBackoffDuration, "certificate-request-minimum-backoff-duration", time.Hour, "wait after the first failed request of a Certificate")
	fs.DurationVar(&o.CertificateRequestMaximumBackoffDuration, "certificate-request-maximum-backoff-duration", 32*time.Hour, "longest wait after failed requests of a Certificate")
	fs.StringSliceVar(&f.controllers, "controllers", []string{"*"}, "controllers to run: *, a name, or -name to leave one out")
	fs.StringVar(&f.featureGates, "feature-gates", "", "comma-separated Name=true|false")
	fs.IntVar(&f.workers, "concurrent-workers", 5, "workers of each controller")
	fs.StringVar(&f.healthz, "healthz-listen-address", "127.0.0.1:9403", "host and port of /healthz, which answers 200 once the caches are filled")
	logs.AddFlags(logging, fs)
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if err := utilfeature.DefaultMutableFeatureGate.Set(f.featureGates); err != nil {
		return nil, err
	}
	return f, logs.ValidateAndApply(logging)
}

// enabled reads --controllers as cert-manager does: a name beats the star.
func (f *controllerFlags) enabled(name string) bool {
	switch {
	case slices.Contains(f.controllers, "-"+name):
		return false
	case slices.Contains(f.controllers, name):
		return true
	case strings.HasPrefix(name, experimental):
		return slices.Contains(f.controllers, "*") && utilfeature.DefaultFeatureGate.Enabled(feature.ExperimentalCertificateSigningRequestControllers)
	default:
		return slices.Contains(f.controllers, "*")
	}
}

func runController(ctx context.Context, args []string) error {
	flags, err := parseControllerFlags(args)
	if err != nil {
		return err
	}
	factory, err := controller.NewContextFactory(ctx, flags.options)
	if err != nil {
		return err
	}
	shared, err := factory.Build()
	if err != nil {
		return err
	}

	group, ctx := errgroup.WithContext(ctx)
	for name, construct := range controller.Known() {
		if !flags.enabled(name) {
			continue
		}
		// Constructors register their informers, so all of them come before the start below.
		c, err := construct(factory)
		if err != nil {
			return fmt.Errorf("controller %s: %w", name, err)
		}
		group.Go(func() error {
			logs.Log.Info("starting controller", "controller", name)
			return c.Run(flags.workers, ctx)
		})
	}

	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	shared.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	group.Go(func() error { return serveHealthz(ctx, flags.healthz, shared) })
	return group.Wait()
}

// serveHealthz returns 200 once every informer has listed what it watches, which is when the
// workers start; a missing permission keeps it at 503 for good.
func serveHealthz(ctx context.Context, address string, shared *controller.Context) error {
	var synced atomic.Bool
	go func() {
		shared.SharedInformerFactory.WaitForCacheSync(ctx.Done())
		shared.KubeSharedInformerFactory.WaitForCacheSync(ctx.Done())
		synced.Store(ctx.Err() == nil)
	}()

	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		if !synced.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
