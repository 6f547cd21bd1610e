/**
 * `/livez`: the process runs. `/readyz`: it can serve, or which of the things it needs is away. Both tell words and nothing
 * else, answer by whatever name they are called, and are there before anything else is.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { retryAfter } from './problem.ts';
import type { Database } from '../database.ts';
import type { RedisPort } from '../redis/port.ts';
import { CHECK_REMEMBERED_FOR, LONGEST_CHECK, WATCHED_WITHIN } from './limits.ts';

/** Resolves when the dependency answers. */
export type Check = () => Promise<unknown>;

export type Health = {
  /** Answers a probe; false when the request is for something else. */
  answer(req: IncomingMessage, res: ServerResponse): boolean;
  /** From now on the checks decide. Redis is reported but not required: everything works without it, more slowly. */
  serving(checks: { database: Check; redis?: Check | undefined }): void;
  /** Whether a probe asked for readiness recently, as a load balancer does. */
  isWatched(): boolean;
  /** From now on not ready, so that a load balancer sends no more requests. */
  stopping(): void;
};

type Word = 'up' | 'down';
type Report = { status: 'ready' | 'starting' | 'stopping' | 'unavailable'; database?: Word; redis?: Word };

/** The services that an instance needs to serve requests. */
export function checksOf({
  database,
  redis,
}: {
  database: Pick<Database, 'sql'>;
  redis: Pick<RedisPort, 'get'> | null;
}): { database: Check; redis: Check | undefined } {
  return {
    database: () => database.sql('select 1'),
    redis: redis === null ? undefined : () => redis.get('probe'),
  };
}

/**
 * Creates the state behind `/livez` and `/readyz`. Checks of database and Redis are cached for a second. A probe comes past the
 * proxy or through it, so both answer at the root and below `basePath`, the path of the issuer.
 */
export function createHealth(basePath = ''): Health {
  let state: 'starting' | 'serving' | 'stopping' = 'starting';
  let database: () => Promise<Word> = async () => 'down';
  let redis: (() => Promise<Word>) | undefined;
  let lastAsked = -Infinity;

  async function report(): Promise<Report> {
    if (state !== 'serving') return { status: state };
    const [databaseWord, redisWord] = await Promise.all([database(), redis?.()]);
    // Stopped while it was asking.
    if (state !== 'serving') return { status: state };
    return {
      status: databaseWord === 'up' ? 'ready' : 'unavailable',
      database: databaseWord,
      ...(redisWord ? { redis: redisWord } : {}),
    };
  }

  async function answerReady(req: IncomingMessage, res: ServerResponse): Promise<void> {
    lastAsked = performance.now();
    const found = await report();
    write(req, res, found.status === 'ready' ? 200 : 503, found);
  }

  return {
    answer(req, res) {
      const target = req.url?.split('?', 1)[0] ?? '';
      const path = target.startsWith(`${basePath}/`) ? target.slice(basePath.length) : target;
      if (path !== '/livez' && path !== '/readyz') return false;
      if (req.method !== 'GET' && req.method !== 'HEAD') {
        res.setHeader('Allow', 'GET, HEAD');
        write(req, res, 405, { status: 'method not allowed' });
      } else if (path === '/livez') write(req, res, 200, { status: 'alive' });
      else void answerReady(req, res);
      return true;
    },
    serving(checks) {
      database = remembered(checks.database);
      redis = checks.redis && remembered(checks.redis);
      state = 'serving';
    },
    isWatched: () => performance.now() - lastAsked < WATCHED_WITHIN,
    stopping() {
      state = 'stopping';
    },
  };
}

/** One question at a time, its answer kept for a second. */
function remembered(check: Check): () => Promise<Word> {
  let answer: Promise<Word> | undefined;
  return () => {
    if (!answer) {
      answer = ask(check);
      void answer.then(() => setTimeout(() => (answer = undefined), CHECK_REMEMBERED_FOR).unref());
    }
    return answer;
  };
}

async function ask(check: Check): Promise<Word> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Word>((resolve) => {
    timer = setTimeout(() => resolve('down'), LONGEST_CHECK);
  });
  try {
    return await Promise.race([check().then((): Word => 'up'), late]);
  } catch {
    return 'down';
  } finally {
    clearTimeout(timer);
  }
}

function write(req: IncomingMessage, res: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  res.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(status === 503 ? retryAfter(1) : {}),
  });
  res.end(req.method === 'HEAD' ? undefined : text);
}
