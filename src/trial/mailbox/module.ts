/**
 * mailbox: mails that are shown instead of sent, during a trial without a mail server.
 *
 * Owns    the table mailbox_message, views/trial/mailbox.
 * Leaves  sending to kernel/mail.
 * URLs    /dev/mailbox, /dev/mailbox/:id, /dev/mailbox/:id/html (embedded mode on this machine, without SMTP).
 */
import type { Router } from '#kernel/http/router.ts';
import type { Config } from '#kernel/config.ts';
import { isLoopback } from '#kernel/issuer.ts';
import type { Clock } from '#kernel/clock.ts';
import { type KeyRing, type SealedAgain } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { State } from '#kernel/http/context.ts';
import { MailboxService } from './mailbox-service.ts';
import { createRoutes } from './routes.ts';
import { type Mount, READ_AND_SEND } from '#kernel/http/mounts.ts';

/** Where its pages are. */
export const mailboxMounts: readonly Mount[] = [
  { path: '/dev/mailbox', audience: 'page', methods: READ_AND_SEND },
  { path: '/dev/mailbox/*', audience: 'page', methods: READ_AND_SEND },
];

export { MailboxMessage } from './mailbox-service.ts';

export type Dependencies = {
  config: Pick<Config, 'embedded' | 'smtpUrl' | 'issuerUrl'>;
  database: Database;
  keyRing: KeyRing;
  clock: Clock;
};

/**
 * Null where it must not be: everybody who reaches the page reads everybody's sign-in links, so the issuer has to be
 * this very machine.
 */
export function createMailbox({
  config,
  database,
  keyRing,
  clock,
}: Dependencies): { mailbox: MailboxService; routes: Router<State>; reencrypt(): Promise<SealedAgain> } | null {
  if (!config.embedded || config.smtpUrl !== undefined || !isLoopback(config.issuerUrl.hostname)) return null;
  const mailbox = new MailboxService(database, keyRing, clock);
  return { mailbox, routes: createRoutes(mailbox), reencrypt: () => mailbox.reencrypt() };
}
