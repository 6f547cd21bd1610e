/** A certificate authority of one run, which signs the TLS certificate of its hosts, and self-signed keys for SAML. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A key and its certificate, as PEM text. */
export type Pair = { key: string; certificate: string };
/** Files: the certificate of the authority, and the certificate of all hosts with its key. */
export type Authority = { ca: string; certificate: string; key: string };

/** Writes the files into the folder. From now on this process trusts the authority. */
export async function createAuthority(folder: string, hosts: readonly string[]): Promise<Authority> {
  const at = (file: string) => join(folder, file);
  await selfSigned('Authority of one run', at('ca.key'), at('ca.pem'), ['basicConstraints=critical,CA:TRUE']);
  const names = hosts.map((host) => `DNS:${host}`).join(',');
  await selfSigned(
    'Hosts of one run',
    at('tls.key'),
    at('tls.pem'),
    ['basicConstraints=CA:FALSE', `subjectAltName=${names}`],
    ['-CA', at('ca.pem'), '-CAkey', at('ca.key')],
  );
  setDefaultCACertificates([...getCACertificates('default'), await readFile(at('ca.pem'), 'utf8')]);
  return { ca: at('ca.pem'), certificate: at('tls.pem'), key: at('tls.key') };
}

/** A key for signatures and encryption of SAML. */
export async function createPair(name: string): Promise<Pair> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-interop-pair-'));
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  try {
    await selfSigned(name, key, certificate, []);
    return { key: await readFile(key, 'utf8'), certificate: await readFile(certificate, 'utf8') };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function selfSigned(
  name: string,
  key: string,
  certificate: string,
  extensions: readonly string[],
  signer: readonly string[] = [],
): Promise<void> {
  const added = extensions.flatMap((extension) => ['-addext', extension]);
  const subject = ['-subj', `/CN=${name}`, '-days', '30'];
  const files = ['-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate];
  await run('openssl', ['req', '-x509', ...files, ...subject, ...added, ...signer]);
}

/** The base64 text of a certificate, as metadata writes it. */
export const bareCertificate = (pem: string): string => pem.replace(/-----[^-]+-----|\s/g, '');
