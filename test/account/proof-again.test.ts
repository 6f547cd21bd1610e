/** As the code says it: what every form of the account demands is written at its route, and nobody forgets to. */
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const src = resolve(import.meta.dirname, '../../src');

/** Forms that change neither how the account is reached nor how its user signs in. */
const plain: Readonly<Record<string, string>> = {
  'account/profile/profile-routes.ts PAGE': 'says who one is, not how one proves it',
  'account/profile/picture-routes.ts /account/picture': 'the same',
  'account/profile/picture-routes.ts /account/picture/remove': 'the same',
  'account/security/security-routes.ts /account/trusted-devices': 'takes trust away',
  'account/devices/device-routes.ts PAGE': 'signs out',
  'account/apps/app-routes.ts PAGE': 'takes leave away',
  'account/organizations/organization-routes.ts PAGE': 'joins where an administrator invited the user',
  'account/organizations/organization-routes.ts ${PAGE}/create': 'makes something new',
  'account/organizations/organization-routes.ts ${PAGE}/join': 'asks an administrator',
};

/** `file path` of every form, and what stands in its handler. */
const forms = globSync('{account,contacts}/**/*-routes.ts', { cwd: src }).flatMap((file) => {
  const text = readFileSync(join(src, file), 'utf8');
  const demand = 'maxAgeSeconds: LATELY';
  const named = [...text.matchAll(/const (\w+) = (?!await)[^;]*maxAgeSeconds: LATELY/g)].map(([, name]) => name);
  return text
    .split(/router\.(?=get\(|post\()/)
    .filter((part) => part.startsWith('post('))
    .map((part) => ({
      name: `${file} ${/^post\((?:'([^']*)'|`([^`]*)`|(\w+))/.exec(part)?.slice(1).find(Boolean) ?? '?'}`,
      asksAgain: [demand, ...named].some((name) => new RegExp(`\\b${name}\\b`).test(handlerOf(part, text))),
    }));
});

/** A handler that is written at its route, or the function that the route names. */
function handlerOf(route: string, file: string): string {
  const [, name] = /^post\([^,]+, (?:\(ctx: Context\) => )?(\w+)[(),]/.exec(route) ?? [];
  if (name === undefined || name === 'ctx') return route;
  return new RegExp(`function ${name}\\([\\s\\S]*?\\n  }\\n`).exec(file)?.[0] ?? '';
}

test('every form of the account page requires reauthentication or gives a reason why not', () => {
  expect(forms.length).toBeGreaterThan(15);
  expect(forms.filter(({ name, asksAgain }) => !asksAgain && !(name in plain)).map(({ name }) => name)).toEqual([]);
  expect(Object.keys(plain).filter((name) => !forms.some((form) => form.name === name && !form.asksAgain))).toEqual([]);
});
