/** A person with a browser that has no JavaScript, at the product and at applications: cookies are kept by origin. */
import { formsOf, type Page, Visitor } from '../support/visitor.ts';

export type Account = { email: string; password: string; name: string };
export type Answer = Page & { json: Record<string, unknown> };

const MOST_HOPS = 20;

export class Person {
  readonly #visitors = new Map<string, Visitor>();
  readonly #issuer: string;
  readonly #account: Account;

  /** `issuer` is the address of the product, where this person knows the pages. */
  constructor(issuer: string, account: Account) {
    this.#issuer = issuer;
    this.#account = account;
  }

  /** Opens an address and follows redirects, to other origins too. `json` is empty when the page is none. */
  async open(url: string): Promise<Answer> {
    return this.#arrive(await this.#at(url).request(url));
  }

  /** One request that follows no redirect: what the application answers to this browser now. */
  async look(url: string): Promise<Answer> {
    return answered(await this.#at(url).request(url));
  }

  /** Sends a form of the page, the one with this button or the first. */
  async submit(page: Page, values: Record<string, string> = {}, button?: string): Promise<Answer> {
    return this.#arrive(await this.#at(page.url).submit(page, values, button));
  }

  /**
   * Goes on from an address or a page to the sign-in, answers the pages of the product, and returns where that ends.
   * `consent` is the button of the consent page.
   */
  async signIn(from: string | Answer, consent: 'allow' | 'deny' = 'allow'): Promise<Answer> {
    let page = typeof from === 'string' ? await this.open(from) : from;
    const { email, password } = this.#account;
    for (let pages = 0; this.isAtProduct(page); pages += 1) {
      const [form] = formsOf(page);
      if (pages > 6 || !form) throw new Error(`the sign-in stops at ${page.url}: ${gist(page)}`);
      const buttons = formsOf(page).flatMap((one) => one.buttons.map(({ value }) => value));
      if ('password' in form.fields) page = await this.submit(page, { password });
      else if ('email' in form.fields) page = await this.submit(page, { email });
      else if (buttons.includes(consent)) page = await this.submit(page, {}, consent);
      else throw new Error(`unknown page at ${page.url}: ${gist(page)}`);
    }
    return page;
  }

  /** Opens an address that leads to the sign-out of the product, confirms if asked, and returns where that ends. */
  async signOut(url: string): Promise<Answer> {
    const page = await this.open(url);
    return this.isAtProduct(page) && formsOf(page).length > 0 ? this.submit(page, {}, 'logout') : page;
  }

  isAtProduct(page: Pick<Page, 'url'>): boolean {
    return new URL(page.url).origin === new URL(this.#issuer).origin;
  }

  async #arrive(first: Page): Promise<Answer> {
    let page = first;
    for (let hops = 0; page.location; hops += 1) {
      if (hops > MOST_HOPS) throw new Error(`redirects without end at ${page.location}`);
      page = await this.#at(page.location).request(page.location);
    }
    return answered(page);
  }

  #at(url: string): Visitor {
    const { origin } = new URL(url);
    const known = this.#visitors.get(origin) ?? new Visitor();
    this.#visitors.set(origin, known);
    return known;
  }
}

function answered(page: Page): Answer {
  const isJson = page.headers.get('content-type')?.includes('json') ?? false;
  return { ...page, json: isJson ? (JSON.parse(page.text) as Record<string, unknown>) : {} };
}

/** Status and visible words of a page, for messages. */
export function gist({ status, text }: Pick<Page, 'status' | 'text'>): string {
  const words = text.replace(/<(style|script|head)[\s\S]*?<\/\1>|<[^>]*>/g, ' ').replace(/\s+/g, ' ');
  return `${status} ${words.trim().slice(0, 200)}`;
}
