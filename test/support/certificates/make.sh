#!/bin/sh
# How the certificates beside this file were made: an authority, a server, a client and a model of security keys that the
# authority vouches for, and a client that signed for itself. Their keys are public and worth nothing.
set -eu
cd "$(dirname "$0")"
ec='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500'
openssl req -x509 $ec -keyout ca.key -out ca.pem -subj '/CN=Test authority'
openssl req -x509 $ec -keyout self.key -out self.pem -subj '/CN=self-signed'
for name in server client; do
  openssl req $ec -keyout $name.key -out $name.csr -subj "/CN=$name" -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1'
  openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 36500 -copy_extensions copy -out $name.pem
done
# WebAuthn 3 §8.2.1
openssl req $ec -keyout authenticator.key -out authenticator.csr -subj '/C=SE/O=Test maker/OU=Authenticator Attestation/CN=Test key' \
  -addext 'basicConstraints=critical,CA:FALSE'
openssl x509 -req -in authenticator.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 36500 -copy_extensions copy -out authenticator.pem
rm -f ./*.csr ./*.srl
