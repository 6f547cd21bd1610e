import KoaRouter from '@koa/router';
import type { Middleware, State } from './context.ts';

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

type Layer = Router<State>['stack'][number];
type Node = { layers: Layer[]; below: Map<string, Node>; answer: Middleware | undefined };

/**
 * Middleware that answers the routes of these routers, in their order. The library compares a path with the expression of each
 * route; this compares it only with those that begin with the same segments.
 */
export function routeTree(routers: readonly Router<State>[]): Middleware {
  const layers = routers.flatMap((router) => router.stack);
  const root = node([]);
  for (const layer of layers) grow(root, layer);
  for (const layer of layers) addTo(root, layer, beginningOf(layer));
  return async function answerRoute(ctx, next) {
    const found = deepest(root, ctx.path);
    found.answer ??= answering(found.layers);
    return found.answer(ctx, next);
  };
}

const node = (layers: Layer[]): Node => ({ layers, below: new Map(), answer: undefined });

/** The segments before the first parameter. */
function beginningOf({ path }: Layer): readonly string[] {
  const segments = String(path).split('/').slice(1);
  const end = segments.findIndex((segment) => /[:*{(]/.test(segment));
  return end < 0 ? segments : segments.slice(0, end);
}

function grow(root: Node, layer: Layer): void {
  let at = root;
  for (const segment of beginningOf(layer)) {
    if (!at.below.has(segment)) at.below.set(segment, node([]));
    at = at.below.get(segment)!;
  }
}

/** To where its beginning leads and everything below: a longer path may be one of its own. */
function addTo(at: Node, layer: Layer, [segment, ...rest]: readonly string[]): void {
  if (segment !== undefined) return addTo(at.below.get(segment)!, layer, rest);
  at.layers.push(layer);
  for (const below of at.below.values()) addTo(below, layer, []);
}

function deepest(root: Node, path: string): Node {
  let at = root;
  for (let start = 1; at.below.size > 0 && start <= path.length;) {
    const end = path.indexOf('/', start);
    const below = at.below.get(path.slice(start, end < 0 ? undefined : end));
    if (!below) return at;
    at = below;
    if (end < 0) return at;
    start = end + 1;
  }
  return at;
}

function answering(layers: readonly Layer[]): Middleware {
  const router = new Router<State>();
  router.stack.push(...layers);
  return router.routes() as Middleware;
}
