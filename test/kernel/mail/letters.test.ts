import { describe, expect, test } from 'vitest';
import { type Brand, brandOf, defaultBrand } from '#kernel/brand.ts';
import { createLetters, type Letter } from '#kernel/mail/letters.ts';
import type { Mail } from '#kernel/mail.ts';
import { changeLetter } from '../../../src/account/change-letter.ts';
import { factorLetter } from '../../../src/credentials/factor-letter.ts';
import {
  changedLetter as primaryChangedLetter,
  noticeLetter,
} from '../../../src/directory/contacts/contact-letters.ts';
import { secondFactorCodeLetter } from '../../../src/sign-in/mfa/code-letters.ts';
import { changedLetter } from '../../../src/sign-in/recovery/recovery-letters.ts';
import { newSignInLetter } from '../../../src/sign-in/risk/new-sign-in-letter.ts';

const context = newSignInLetter.letterSamples['plain']!;

function lettersOf(brand: Brand = defaultBrand) {
  const sent: { mail: Mail; em: unknown }[] = [];
  const mailer = { send: async (mail: Mail, em?: unknown) => sent.push({ mail, em }) > 0 };
  return {
    sent,
    letters: createLetters({ mailer, brand: () => brand, issuer: 'https://id.example.com', inspect: () => {} }),
  };
}

describe('a mail', () => {
  test('is sent with its data, recipient and expiry, in the transaction of the caller', async () => {
    const { sent, letters } = lettersOf();
    const em = {} as never;
    const expiresAt = new Date('2026-11-22T11:00:00Z');
    await letters.send(
      newSignInLetter,
      {
        kind: 'new_sign_in',
        to: { address: 'noor@fernway.example' },
        language: 'de',
        context,
        expiresAt,
        discard: true,
      },
      em,
    );
    expect(sent).toHaveLength(1);
    const { language: _, ...written } = { language: '', ...letters.render(newSignInLetter, context, 'de') };
    expect(sent[0]?.mail).toEqual({
      kind: 'new_sign_in',
      to: { address: 'noor@fernway.example' },
      expiresAt,
      discard: true,
      ...written,
    });
    expect(sent[0]?.em).toBe(em);
    expect(sent[0]?.mail.html).toContain('<html lang="de" dir="ltr"');
  });

  test('shows the brand: its colours in both themes, its corners, its help page in both parts', () => {
    const { letters } = lettersOf(
      brandOf({ name: 'Fernway', color: '#0a3fb5', radius: 'sharp', helpUrl: 'https://fernway.example/help' }),
    );
    const { html, text } = letters.render(newSignInLetter, context, 'en');
    expect(html).toContain('background:#0a3fb5');
    expect(html).toContain('border-radius:0 0 0px 0px');
    expect(html).toMatch(/prefers-color-scheme: dark[\s\S]*\.m-btn \{ background: #[0-9a-f]{6} !important/);
    for (const part of [html, text]) {
      expect(part).toContain('Fernway');
      expect(part).toContain('https://fernway.example/help');
    }
  });

  test.each([
    { title: 'a picture that mail programs show', letterUrl: '/assets/brand/logo.AAAAAAAAAAAA.png', shown: true },
    { title: 'a drawing, which they do not show', letterUrl: null, shown: false },
  ])('shows the logo by its absolute address: $title', ({ letterUrl, shown }) => {
    const logo = { url: '/assets/brand/logo.AAAAAAAAAAAA.svg', darkUrl: null, letterUrl };
    const { letters } = lettersOf(
      brandOf({ name: 'Fernway', wordmark: true }, { logo, stylesheets: { derived: null, custom: null } }),
    );
    const { html } = letters.render(newSignInLetter, context, 'en');
    const images = html.match(/<img [^>]*>/g) ?? [];
    expect(images.length).toBe(shown ? 1 : 0);
    if (shown)
      expect(images[0]).toContain(
        'src="https://id.example.com/assets/brand/logo.AAAAAAAAAAAA.png" height="32" alt="Fernway"',
      );
  });

  const told: [what: string, about: Letter<object>, sample: string, way: string][] = [
    ['a factor', factorLetter, 'passkey removed', 'https://id.example.com/not-me?token='],
    ['the account', changeLetter, 'password removed', 'https://id.example.com/not-me?token='],
    ['the account that closes', changeLetter, 'closing', 'https://id.example.com/not-me?token='],
    ['the password', changedLetter, 'plain', 'https://id.example.com/not-me?token='],
    ['an additional address', noticeLetter, 'address added', 'https://id.example.com/not-me?token='],
    ['the primary address', primaryChangedLetter, 'plain', 'https://id.example.com/verification/revert?token='],
    ['a sign-in', newSignInLetter, 'plain', 'https://id.example.com/not-me?token='],
    ['a code for the second step', secondFactorCodeLetter, 'plain', ''],
  ];
  test.each(told)(
    'about %s says time, device, IP address and place, and has the way back',
    (_what, about, sample, way) => {
      const { letters } = lettersOf();
      const { html, text } = letters.render(about, about.letterSamples[sample]!, 'en');
      for (const fact of ['Time', 'Device: Firefox, Linux', 'IP address: 192.0.2.7', 'Place: Lisbon, Portugal'])
        expect(text).toContain(fact);
      for (const fact of ['Device', 'Firefox, Linux', 'IP address', '192.0.2.7', 'Place', 'Lisbon, Portugal'])
        expect(html).toContain(fact);
      for (const part of [html, text]) expect(part).toContain(way);
    },
  );

  test.each([
    ['Europe/Paris', 'en', /22 November 2026 at 11:31 (CET|GMT\+1)/],
    ['America/New_York', 'de', /22\. November 2026 um 05:31 (EST|GMT-5)/],
    ['Nowhere/Atlantis', 'en', /22 November 2026 at 10:31 UTC/],
    [undefined, 'en', /22 November 2026 at 10:31 UTC/],
  ] as const)('says times in the time zone of the reader: %s', (zone, language, time) => {
    const { letters } = lettersOf();
    for (const part of Object.values(letters.render(newSignInLetter, context, language, zone)).slice(1))
      expect(part).toMatch(time);
  });

  test('keeps untrusted text on its line and in its direction', () => {
    const { letters } = lettersOf();
    const hostile = Object.fromEntries(
      Object.entries(context).map(([name, value]) => [
        name,
        typeof value === 'string' && !/^https?:/.test(value) ? 'a\r\nBcc: x@evil.example\u202e' : value,
      ]),
    ) as typeof context;
    const { subject, text } = letters.render(newSignInLetter, hostile, 'en');
    expect(subject).not.toMatch(/[\r\n\u202e]/);
    expect(text).not.toMatch(/^Bcc:|\r|\u202e/m);
    expect(text.split('\n').length).toBe(letters.render(newSignInLetter, context, 'en').text.split('\n').length);
  });
});
