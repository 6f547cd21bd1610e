import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { StaticFiles } from '#kernel/http/static.ts';
import { passwordRuleScript } from './password-rule.ts';

/** The files by which a page says at once whether a new password will do: the rule of the server, and the estimate that it needs. */
export function publishPasswordHelp(files: Pick<StaticFiles, 'publish' | 'offer'>): void {
  files.publish('password-rule.js', passwordRuleScript());
  files.offer('password-estimate.js', passwordEstimateScript);
}

/** The estimate as browsers get it: the same packages with the same lists, as one module. Read when the first browser asks. */
const passwordEstimateScript = {
  get version(): string {
    return packages.map((name) => readFileSync(fileOf(name, 'package.json'), 'utf8')).join('');
  },
  make(): string {
    const scripts = packages.map((name) => readFileSync(fileOf(name, 'dist/zxcvbn-ts.js'), 'utf8'));
    return `const held = {};
(function () {
${scripts.join('\n').replaceAll(/^\/\/# sourceMappingURL=.*$/gm, '')}
}).call(held);
const { core, 'language-common': common } = held.zxcvbnts;
const factory = new core.ZxcvbnFactory({ dictionary: common.dictionary, graphs: common.adjacencyGraphs });
export function estimate(password, about) {
  const { score, feedback } = factory.check(password, [...about]);
  return { score, hints: [feedback.warning, ...feedback.suggestions] };
}
`;
  },
};

const packages = ['@zxcvbn-ts/core', '@zxcvbn-ts/language-common'] as const;
const { resolve } = createRequire(import.meta.url);
/** A file of a package, whatever its `exports` say. */
const fileOf = (name: (typeof packages)[number], file: string): string =>
  resolve(name).replace(/[\\/]dist[\\/].*$/, `/${file}`);
