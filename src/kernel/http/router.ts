import KoaRouter from '@koa/router';

/** Routes of pages. One path, one spelling: case counts, and so does a slash at the end, which the library would both forgive. */
export type Router<S> = KoaRouter<S>;

/** One declared route: `GET /interaction/:uid/login`, and the name of its handler. */
export type Route = { readonly methods: readonly string[]; readonly path: string; readonly handler: string };

/** The declared routes of a router. */
export function routesOf<S>(router: Router<S>): readonly Route[] {
  return router.stack.map(({ methods, path, stack }) => ({
    methods: methods.filter((method) => method !== 'HEAD'),
    path: String(path),
    handler: stack.at(-1)?.name ?? '',
  }));
}

export const Router: new <S>() => Router<S> = class extends KoaRouter {
  constructor() {
    super({ sensitive: true, strict: true });
  }
};
