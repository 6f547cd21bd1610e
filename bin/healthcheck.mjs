// Health check of the container: exit code 0 when the server in the same container answers /livez.
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

const { PORT: port = '3000', TLS_CERT: hasTls } = process.env;
const TIMEOUT_MS = 4000;

// The certificate is made out to the public name, and the question goes to this machine.
const options = { host: '127.0.0.1', port, path: '/livez', timeout: TIMEOUT_MS, rejectUnauthorized: false };
const request = (hasTls ? httpsRequest : httpRequest)(options, (response) => {
  process.exit(response.statusCode === 200 ? 0 : 1);
});
request.on('timeout', () => request.destroy(new Error(`no answer in ${TIMEOUT_MS} ms`)));
request.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
request.end();
