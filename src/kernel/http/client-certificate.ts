/**
 * The certificate that a client proved to hold (RFC 8705): from our own TLS listener, or from a header, and from a header
 * only where the configuration names one and the peer is a trusted proxy. A header that anybody else sends is no proof.
 */
import { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import { type AddressResolver, createAddressResolver } from './client-address.ts';

export type ClientCertificate = {
  certificate: X509Certificate;
  /** A trusted authority signed it. Otherwise only its key counts (RFC 8705 §2.2). */
  isAuthorized: boolean;
};

export type ClientCertificates = {
  /** Throws AppError 400 when a proxy sends the header twice, or something that is no certificate. */
  of(req: IncomingMessage): ClientCertificate | undefined;
};

/** Sent by the proxy with the certificate: `SUCCESS` when it checked the chain (nginx `$ssl_client_verify`). */
const VERIFY_HEADER = 'x-ssl-client-verify';

/** Null where neither an own listener asks for certificates nor a proxy tells them. */
export function clientCertificatesOf({
  tls,
  clientCertHeader,
  trustedProxies,
}: Pick<Config, 'tls' | 'clientCertHeader' | 'trustedProxies'>): ClientCertificates | null {
  if (!tls?.clientCaFile && !clientCertHeader) return null;
  return createClientCertificates({ header: clientCertHeader, addresses: createAddressResolver(trustedProxies) });
}

/**
 * Reads the client certificate of a request (RFC 8705): from the built-in TLS listener, or from `header` if a trusted
 * proxy sent it.
 */
export function createClientCertificates({
  header,
  addresses,
}: {
  /** Lower case, for example `x-ssl-client-cert`; undefined when no proxy ends TLS for us. */
  header: string | undefined;
  addresses: Pick<AddressResolver, 'isTrusted'>;
}): ClientCertificates {
  return {
    of(req) {
      if (req.socket instanceof TLSSocket) return fromSocket(req.socket);
      if (header === undefined || req.headers[header] === undefined) return undefined;
      if (!addresses.isTrusted(req.socket.remoteAddress)) return undefined;
      if (countHeader(req, header) > 1 || countHeader(req, VERIFY_HEADER) > 1) throw badCertificate();
      const text = String(req.headers[header]);
      // nginx sends an empty value where there was no certificate.
      if (text === '' || text === '(null)') return undefined;
      return { certificate: readHeader(text), isAuthorized: req.headers[VERIFY_HEADER] === 'SUCCESS' };
    },
  };
}

function fromSocket(socket: TLSSocket): ClientCertificate | undefined {
  const certificate = socket.getPeerX509Certificate();
  return certificate && { certificate, isAuthorized: socket.authorized };
}

/** `:base64 of DER:` (RFC 9440 §2.2), or PEM, escaped as in a URL or bare. */
function readHeader(text: string): X509Certificate {
  try {
    const [, der] = /^:([A-Za-z\d+/]+=*):$/.exec(text) ?? [];
    return new X509Certificate(der === undefined ? unescapePem(text) : Buffer.from(der, 'base64'));
  } catch (cause) {
    throw badCertificate(cause);
  }
}

/** A bare PEM lost its line ends on the way through the header. */
function unescapePem(text: string): string {
  const plain = text.includes('%') ? decodeURIComponent(text) : text;
  const [, begin, body, end] =
    /^(-----BEGIN CERTIFICATE-----)([A-Za-z\d+/=\s]+)(-----END CERTIFICATE-----)\s*$/.exec(plain) ?? [];
  if (body === undefined) throw new Error('no PEM');
  return `${begin}\n${body.trim().replaceAll(/\s+/g, '\n')}\n${end}\n`;
}

function countHeader(req: IncomingMessage, name: string): number {
  return req.rawHeaders.filter((text, i) => i % 2 === 0 && text.toLowerCase() === name).length;
}

const badCertificate = (cause?: unknown): AppError =>
  new AppError({
    code: 'request.invalid_client_certificate',
    status: 400,
    message: 'The client certificate cannot be read.',
    cause,
  });
