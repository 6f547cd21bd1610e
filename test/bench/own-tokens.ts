/** Tokens of the product, as its clients come to them. */
import type { SideTokens } from './scenarios.ts';
import { obtainTokens, type SignInJob } from './sign-in.ts';
import { Connection, post } from './wire.ts';

/** `each` for every person, by signing in. */
export async function signedInTokens(port: number, job: SignInJob, each: number): Promise<SideTokens> {
  const perPerson = job.people.map(async (_, place) => {
    const connection = new Connection(port);
    const tokens = [];
    for (let i = 0; i < each; i += 1) tokens.push(await obtainTokens(connection, job, place));
    connection.close();
    return tokens;
  });
  const tokens = (await Promise.all(perPerson)).flat();
  return {
    accessTokens: tokens.map((answer) => answer.access_token),
    chains: tokens.map((answer) => answer.refresh_token),
  };
}

/** Access tokens that were never shown: `each` from every chain, by refreshing. */
export async function unusedTokens(
  port: number,
  job: SignInJob,
  chains: readonly string[],
  each: number,
): Promise<string[]> {
  const perChain = chains.map(async (first) => {
    const connection = new Connection(port);
    const tokens: string[] = [];
    let refresh = first;
    for (let i = 0; i < each; i += 1) {
      const { body } = await connection.send(
        post(
          { host: job.host, path: '/oidc/token', headers: { Authorization: job.authorization } },
          { grant_type: 'refresh_token', refresh_token: refresh },
        ),
      );
      const answer = JSON.parse(body) as { access_token: string; refresh_token: string };
      tokens.push(answer.access_token);
      refresh = answer.refresh_token;
    }
    connection.close();
    return tokens;
  });
  return (await Promise.all(perChain)).flat();
}

/** An access token for the management API, of a machine client. */
export async function serviceToken(port: number, host: string, authorization: string, scope: string): Promise<string> {
  const connection = new Connection(port);
  const { body } = await connection.send(
    post(
      { host, path: '/oidc/token', headers: { Authorization: authorization } },
      { grant_type: 'client_credentials', resource: 'urn:latchkey:api', scope },
    ),
  );
  connection.close();
  return (JSON.parse(body) as { access_token: string }).access_token;
}
