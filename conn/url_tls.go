package conn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
)

func (o *Options) setTLSParameter(name, value string) error {
	if o.TLS == nil {
		return fmt.Errorf("%s has no meaning without TLS: use rediss://", name)
	}
	var err error
	switch name {
	case "skip_verify":
		o.TLS.InsecureSkipVerify, err = ParseBool(name, value)
	case "tls_server_name":
		o.TLS.ServerName = value
	}
	return err // the files belong together: see loadTLS
}

// loadTLS reads the files that parameters name.
func (o *Options) loadTLS(values url.Values) error {
	if name := values.Get("tls_ca_file"); name != "" {
		pem, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("tls_ca_file: %w", err)
		}
		o.TLS.RootCAs = x509.NewCertPool()
		if !o.TLS.RootCAs.AppendCertsFromPEM(pem) {
			return errors.New("tls_ca_file holds no certificate in PEM form")
		}
	}
	cert, key := values.Get("tls_cert_file"), values.Get("tls_key_file")
	switch {
	case cert == "" && key == "":
		return nil
	case cert == "" || key == "":
		return errors.New("tls_cert_file and tls_key_file go together")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("tls_cert_file, tls_key_file: %w", err)
	}
	o.TLS.Certificates = []tls.Certificate{pair}
	return nil
}
