/** How soon the product answers, and how much memory it takes when nobody asks for anything. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, residentMemory } from './children.ts';
import { productEnvironment, startProduct } from './product.ts';
import { median } from './table.ts';

const STARTS = 5;
/** Time within which the garbage of a start is collected. */
const SETTLING = 5000;

export type Starts = { seconds: number; mebibytes: number };

/** The first start makes tables and keys and fills the cache of compiled code; it does not count. */
export async function measureStarts(
  folder: string,
  backends: { databaseUrl: string; redisUrl: string } | null,
): Promise<Starts> {
  const data = join(folder, backends ? 'data' : 'embedded');
  mkdirSync(data, { recursive: true });
  const begin = async () => startProduct(productEnvironment(await freePort(), data, backends), folder);
  await (await begin()).stop();
  const times: number[] = [];
  for (let start = 1; ; start += 1) {
    const product = await begin();
    times.push(product.millisecondsToReady);
    if (start < STARTS) {
      await product.stop();
      continue;
    }
    await delay(SETTLING);
    const mebibytes = residentMemory(product.child.pid ?? 0);
    await product.stop();
    return { seconds: median(times) / 1000, mebibytes };
  }
}
