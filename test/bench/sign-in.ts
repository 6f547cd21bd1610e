/** A whole sign-in by password, as a browser and a relying party do it: from the authorization request to userinfo. */
import { createHash, randomBytes } from 'node:crypto';
import { type Answer, type Connection, get, post } from './wire.ts';

export type Person = { email: string; password: string };

export type SignInJob = {
  host: string;
  clientId: string;
  authorization: string;
  redirectUri: string;
  scope: string;
  /** Ask for `offline_access`, which OpenID Connect Core §11 gives after a consent alone. */
  offline: boolean;
  /** One for each connection, because tries of one account are counted one by one. */
  people: readonly Person[];
  /**
   * By the place of a connection, the cookies of a browser that signed in before with "Keep me signed in" and was closed: the account
   * knows it, and it remembers the account.
   */
  known?: (readonly StoredCookie[])[];
};

type StoredCookie = [key: string, cookie: { pair: string; path: string }];

export type Tokens = { access_token: string; refresh_token: string; id_token: string };

const MOST_STEPS = 20;

/** Throws when anything is not as it should be. */
export async function signIn(connection: Connection, job: SignInJob, place: number): Promise<void> {
  await obtainTokens(connection, job, place);
}

export async function obtainTokens(connection: Connection, job: SignInJob, place: number): Promise<Tokens> {
  const person = job.people[place % job.people.length];
  if (!person) throw new Error('there is nobody to sign in');
  const verifier = randomBytes(32).toString('base64url');
  const parameters = new URLSearchParams({
    client_id: job.clientId,
    redirect_uri: job.redirectUri,
    response_type: 'code',
    scope: job.offline ? `${job.scope} offline_access` : job.scope,
    ...(job.offline ? { prompt: 'consent' } : {}),
    state: 'st',
    nonce: 'no',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const browser = new Browser(connection, job.host, job.known === undefined ? null : (job.known[place] ?? []));
  const back = await browser.walk(`/oidc/auth?${parameters.toString()}`, person, job.redirectUri);
  if (job.known) job.known[place] ??= browser.closed();
  const code = new URL(back).searchParams.get('code');
  if (!code) throw new Error(`no code: ${back}`);

  const exchange = { grant_type: 'authorization_code', code, redirect_uri: job.redirectUri, code_verifier: verifier };
  const exchanged = await connection.send(
    post({ host: job.host, path: '/oidc/token', headers: { Authorization: job.authorization } }, exchange),
  );
  const tokens = exchanged.status === 200 ? (JSON.parse(exchanged.body) as Tokens) : undefined;
  if (!tokens?.id_token) throw new Error(`no tokens: ${exchanged.status} ${exchanged.body}`);

  const about = await connection.send(
    get({ host: job.host, path: '/oidc/userinfo', headers: { Authorization: `Bearer ${tokens.access_token}` } }),
  );
  if (about.status !== 200 || !about.body.includes(person.email))
    throw new Error(`no userinfo: ${about.status} ${about.body}`);
  return tokens;
}

/** The user's input: consent, the password or the email address. */
function fields(page: string, { email, password }: Person, isKept: boolean): Record<string, string> {
  if (page.includes('value="allow"')) return { action: 'allow' };
  const remember = isKept ? { remember: '1' } : {};
  return { ...(page.includes('name="password"') ? { password, ...remember } : { email }), action: 'continue' };
}

/** Cookies by their paths, redirects one by one, the first form of a page. */
class Browser {
  readonly #connection: Connection;
  readonly #host: string;
  readonly #jar: Map<string, StoredCookie[1]>;
  readonly #isKept: boolean;

  /** `known`: null for a browser that is used once. */
  constructor(connection: Connection, host: string, known: readonly StoredCookie[] | null) {
    this.#connection = connection;
    this.#host = host;
    this.#jar = new Map(known);
    this.#isKept = known !== null;
  }

  /** The cookies that remain when the browser is opened after the session has ended. */
  closed(): StoredCookie[] {
    return [...this.#jar].filter(([key]) => /(device|remembered)$/.test(key));
  }

  /** Ends at the address outside to which the provider sends the browser. */
  async walk(path: string, { email, password }: Person, end: string): Promise<string> {
    let answer = await this.#get(path);
    for (let step = 0; step < MOST_STEPS; step += 1) {
      const location = /\r\nlocation: *([^\r]*)/i.exec(answer.head)?.[1];
      if (location?.startsWith(end)) return location;
      if (location !== undefined) {
        answer = await this.#get(location.replace(/^http:\/\/[^/]+/, ''));
        continue;
      }
      const action = /<form[^>]*action="([^"]+)"/.exec(answer.body)?.[1];
      const csrf = /name="csrf"[^>]*value="([^"]+)"/.exec(answer.body)?.[1];
      if (answer.status !== 200 || !action || !csrf)
        throw new Error(`no form: ${answer.status} ${answer.body.slice(0, 300)}`);
      answer = await this.#post(action, { csrf, ...fields(answer.body, { email, password }, this.#isKept) });
    }
    throw new Error('a sign-in without end');
  }

  async #get(path: string): Promise<Answer> {
    return this.#keep(await this.#connection.send(get({ host: this.#host, path, headers: this.#headers(path) })));
  }

  async #post(path: string, form: Record<string, string>): Promise<Answer> {
    const headers = { ...this.#headers(path), Origin: `http://${this.#host}`, 'Sec-Fetch-Site': 'same-origin' };
    return this.#keep(await this.#connection.send(post({ host: this.#host, path, headers }, form)));
  }

  #headers(target: string): Record<string, string> {
    const path = target.split('?', 1)[0] ?? '';
    const pairs = [...this.#jar.values()].filter(
      (cookie) => path === cookie.path || path.startsWith(cookie.path.endsWith('/') ? cookie.path : `${cookie.path}/`),
    );
    return {
      Accept: 'text/html',
      'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) bench',
      Cookie: pairs.map(({ pair }) => pair).join('; '),
    };
  }

  #keep(answer: Answer): Answer {
    for (const [, pair = '', attributes = ''] of answer.head.matchAll(/\r\nset-cookie: *([^;\r]+)([^\r]*)/gi)) {
      const name = pair.slice(0, pair.indexOf('='));
      const path = /path=([^;\r]+)/i.exec(attributes)?.[1] ?? '/';
      if (pair.endsWith('=') || /expires=Thu, 01 Jan 1970/i.test(attributes)) this.#jar.delete(`${path} ${name}`);
      else this.#jar.set(`${path} ${name}`, { pair, path });
    }
    return answer;
  }
}
