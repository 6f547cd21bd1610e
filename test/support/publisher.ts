/** A server on loopback that publishes one document. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export async function startPublisher() {
  const publisher = {
    url: '',
    /** Null: the server fails. */
    text: null as string | null,
    close: () => new Promise((resolve) => void server.close(resolve)),
  };
  const server = createServer((_request, response) => {
    response.writeHead(publisher.text === null ? 503 : 200).end(publisher.text ?? '');
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  publisher.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metadata`;
  return publisher;
}
