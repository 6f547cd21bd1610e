import KoaRouter from '@koa/router';

/** Routes of pages. One path, one spelling: case counts, and so does a slash at the end, which the library would both forgive. */
export type Router<S> = KoaRouter<S>;

export const Router: new <S>() => Router<S> = class extends KoaRouter {
  constructor() {
    super({ sensitive: true, strict: true });
  }
};
