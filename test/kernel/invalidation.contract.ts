import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Invalidation } from '#kernel/invalidation.ts';

export type InvalidationBackend = {
  name: string;
  /** Why it is left out, when it is. */
  runs: boolean;
  /** Nodes that hear one another. */
  nodes(count: number): Promise<Invalidation[]>;
};

/** Requirements for every channel to other nodes. */
export function describeInvalidation({ name, runs, nodes }: InvalidationBackend): void {
  function recorder(node: Invalidation, topic: string): string[] {
    const heard: string[] = [];
    node.subscribe(topic, { changed: (key) => void heard.push(key), resync: () => void heard.push('[all]') });
    return heard;
  }

  async function healthy(count: number): Promise<Invalidation[]> {
    const made = await nodes(count);
    onTestFinished(() => Promise.all(made.map((node) => node.close())).then(() => undefined));
    await vi.waitFor(() => expect(made.every((node) => node.isHealthy())).toBe(true), { timeout: 60_000 });
    return made;
  }
  const fresh = () => `topic-${crypto.randomUUID()}`;

  describe.runIf(runs)(`invalidation ${name}`, () => {
    test('the own handlers have run once when publish returns', async () => {
      const [node] = await healthy(1);
      const topic = fresh();
      const heard = recorder(node!, topic);
      const published = node!.publish(topic, 'a');
      expect(heard).toEqual(['a']);
      await published;
      await node!.publish(topic, 'b');
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(heard).toEqual(['a', 'b']);
    });

    test('several handlers of one topic receive each message, handlers of another none', async () => {
      const [node] = await healthy(1);
      const topic = fresh();
      const [first, second, other] = [recorder(node!, topic), recorder(node!, topic), recorder(node!, fresh())];
      await node!.publish(topic, 'a');
      expect([first, second, other]).toEqual([['a'], ['a'], []]);
    });

    test('every other node receives it, in order', async () => {
      const made = await healthy(3);
      const topic = fresh();
      const heard = made.map((node) => recorder(node, topic));
      const keys = Array.from({ length: 50 }, (_, i) => `key-${i}`);
      for (const key of keys) await made[0]!.publish(topic, key);
      const reached = made.length > 1 ? heard : heard.slice(0, 1);
      await vi.waitFor(() => reached.forEach((list) => expect(list).toEqual(keys)), { timeout: 60_000 });
    });

    test.each(['', 'ключ "x"\n{}', '🔑'])('a key may be any text: %j', async (key) => {
      const made = await healthy(2);
      const topic = fresh();
      const heard = made.map((node) => recorder(node, topic));
      await made[0]!.publish(topic, key);
      await vi.waitFor(() => heard.forEach((list) => expect(list).toEqual([key])), { timeout: 60_000 });
    });

    test('a key too long for the channel tells the others to forget the whole topic', async () => {
      const made = await healthy(2);
      const topic = fresh();
      const heard = made.map((node) => recorder(node, topic));
      const key = 'x'.repeat(5000);
      await made[0]!.publish(topic, key);
      await vi.waitFor(() => expect(heard.slice(1)).toEqual(made.slice(1).map(() => ['[all]'])), { timeout: 60_000 });
      expect(heard[0]).toEqual([key]);
    });
  });
}
