package testserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// PKI is a certificate authority of its own with one server certificate (for
// localhost, 127.0.0.1 and ::1) and one client certificate.
type PKI struct {
	// CAFile, CertFile and KeyFile are what a redis-server is given.
	CAFile, CertFile, KeyFile string

	pool           *x509.CertPool
	server, client tls.Certificate
}

// NewPKI makes keys and certificates and writes them into dir.
func NewPKI(dir string) (*PKI, error) {
	p := &PKI{
		CAFile:   filepath.Join(dir, "ca.crt"),
		CertFile: filepath.Join(dir, "server.crt"),
		KeyFile:  filepath.Join(dir, "server.key"),
		pool:     x509.NewCertPool(),
	}
	if err := p.generate(); err != nil {
		return nil, fmt.Errorf("testserver: pki: %w", err)
	}
	return p, nil
}

func (p *PKI) generate() error {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca := template("kermes test authority")
	ca.IsCA, ca.KeyUsage = true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return err
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	p.pool.AddCert(root)
	if err := writePEM(p.CAFile, "CERTIFICATE", der); err != nil {
		return err
	}
	if p.server, err = issue(root, caKey, "server"); err != nil {
		return err
	}
	if p.client, err = issue(root, caKey, "client"); err != nil {
		return err
	}
	if err := writePEM(p.CertFile, "CERTIFICATE", p.server.Certificate[0]); err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(p.server.PrivateKey)
	if err != nil {
		return err
	}
	return writePEM(p.KeyFile, "PRIVATE KEY", key)
}

// Server returns a configuration for a server that asks for no client
// certificate.
func (p *PKI) Server() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{p.server}, MinVersion: tls.VersionTLS12}
}

// Client returns a configuration for a client that trusts this authority and
// has a certificate of it.
func (p *PKI) Client() *tls.Config {
	return &tls.Config{
		RootCAs:      p.pool,
		Certificates: []tls.Certificate{p.client},
		ServerName:   "localhost",
		MinVersion:   tls.VersionTLS12,
	}
}

func template(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	return &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(48 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
}

// issue makes a certificate signed by the authority.
func issue(root *x509.Certificate, caKey *ecdsa.PrivateKey, name string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template(name), root, &key.PublicKey, caKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
