/**
 * Mail. `send` writes a job in the caller's transaction and is done; a worker delivers after the answer, so that no one
 * waits for a mail server, and the response time does not reveal whether there was a recipient.
 */
import { randomUUID } from 'node:crypto';
import { DAY, fromNow, MINUTE, SECOND, type Clock } from './clock.ts';
import { ConfigError, type Config } from './config.ts';
import type { Database, EntityManager } from './database.ts';
import { AppError, unreachable } from './errors.ts';
import type { Job, Jobs } from './jobs.ts';
import type { Log } from './log.ts';
import { headerText, maskMailAddress, readMailAddress, readSender, type MailAddress } from './mail/address.ts';
import { mailLimits, purgeQuotas, takeQuota, type MailLimits } from './mail/quota.ts';
import { clientNameOf, createSmtp, type Smtp, type SmtpPatience } from './mail/smtp.ts';

export type Mail = {
  /** The purpose in one word such as `password_reset`: limits count by it and the log names it. */
  kind: string;
  /** A stored address, never one that a visitor has just typed. */
  to: { name?: string; address: string };
  subject: string;
  text: string;
  html: string;
  /** When what it says is no longer true; it is not delivered after that. */
  expiresAt?: Date;
  /** The client address that caused it. */
  ip?: string | undefined;
  /** The part of the recipient's limit in which it is counted; by default the common part. */
  share?: string | undefined;
  /** It has no recipient: it is written like any other and discarded by the worker, so that the time is the same. */
  discard?: boolean;
};

export type KeptMail = { from: MailAddress; to: MailAddress; subject: string; text: string; html: string };

/** Where mails go while there is no mail server. */
export type Mailbox = { keep(mail: KeptMail): Promise<void> };

export type Mailer = {
  /**
   * Above the limits nothing is sent, and the response does not reveal it. False when a limit held it back: for the caller to keep an older
   * mail good, and for no answer.
   *
   * @throws AppError mail.address_invalid
   */
  send(mail: Mail, em?: EntityManager): Promise<boolean>;
};

type Options = {
  config: Pick<Config, 'smtpUrl' | 'smtpClientName' | 'issuerUrl' | 'mailFrom'>;
  clock: Clock;
  database: Pick<Database, 'sql' | 'transaction'>;
  jobs: Pick<Jobs, 'define' | 'send'>;
  log: Log;
  /** Undefined if no mailbox page may exist. */
  mailbox: Mailbox | undefined;
  limits?: () => MailLimits;
  patience?: SmtpPatience;
};

/** The payload of a job. */
type Parcel = {
  kind: string;
  to: MailAddress;
  subject: string;
  text: string;
  html: string;
  expiresAt: string;
  isDiscarded: boolean;
  isDoubtful: boolean;
  /** The same in each attempt, so that a mailbox that gets it twice can tell. */
  messageId: string;
};

const QUEUE = 'mail';
/** Characters: what mail programs show is far shorter. */
const LONGEST_SUBJECT = 255;
/** A mail that is not delivered after so long is an error for the operator. */
const ALARM_AFTER = 5 * MINUTE;
/** Time for a mail server that did not say whether it took a mail to be well again. */
const DOUBTFUL_RETRY = 30 * SECOND;

/** Defines its queue, so call it before the jobs are opened. */
export function createMail({
  config,
  clock,
  database,
  jobs,
  log,
  mailbox,
  limits = () => mailLimits,
  patience,
}: Options): Mailer {
  const from = readSender(config.mailFrom);
  if (!from)
    throw new ConfigError(
      'MAIL_FROM must be an address such as no-reply@example.com, or a name with one: Example <no-reply@example.com>.',
    );
  const smtp =
    config.smtpUrl === undefined
      ? undefined
      : createSmtp(config.smtpUrl, { clientName: config.smtpClientName ?? clientNameOf(config.issuerUrl), patience });

  jobs.define(QUEUE, {
    handler: work,
    describe: (data) => about(data as Parcel),
    retries: 110,
    backoff: { first: 5 * SECOND, max: 15 * MINUTE },
    expire: 30 * SECOND,
    concurrency: 4,
  });
  jobs.define('mail-clean-up', {
    handler: async () => void (await purgeQuotas(database, clock)),
    retries: 1,
    backoff: { first: MINUTE, max: MINUTE },
    expire: 5 * MINUTE,
    schedule: '17 * * * *',
  });

  async function send(mail: Mail, em?: EntityManager): Promise<boolean> {
    if (!em) return database.transaction((em) => send(mail, em));
    const address = readMailAddress(mail.to.address);
    if (address === null)
      throw new AppError({
        code: 'mail.address_invalid',
        status: 422,
        message: 'Enter an email address like name@example.com.',
      });
    const mayGo = await takeQuota(em, clock, limits(), {
      kind: mail.kind,
      to: address,
      share: mail.share,
      ip: mail.ip,
    });
    if (!mayGo)
      log.warn({ ...about({ kind: mail.kind, to: { address } }), ip: mail.ip }, 'a mail was held back by its limit');
    const parcel: Parcel = {
      kind: mail.kind,
      to: { name: headerText(mail.to.name ?? '', 128), address },
      subject: headerText(mail.subject, LONGEST_SUBJECT),
      text: mail.text,
      html: mail.html,
      expiresAt: (mail.expiresAt ?? fromNow(clock, DAY)).toISOString(),
      isDiscarded: mail.discard === true || !mayGo,
      isDoubtful: false,
      messageId: `<${randomUUID()}@${from!.address.split('@')[1]}>`,
    };
    await jobs.send(QUEUE, parcel, { em });
    return mayGo;
  }

  async function work({ id, data, signal, createdAt }: Job): Promise<void> {
    const parcel = data as Parcel;
    const fields = { ...about(parcel), job: id };
    if (parcel.isDiscarded) return;
    if (new Date(parcel.expiresAt) <= clock.now())
      return log.warn(fields, 'a mail was not delivered in time and is dropped');
    if (smtp) return deliver(smtp, parcel, { id, signal, createdAt });
    if (!mailbox) return log.error(fields, 'a mail was held back: set SMTP_URL so that it can be sent');
    await mailbox.keep({ from: from!, to: parcel.to, subject: parcel.subject, text: parcel.text, html: parcel.html });
    log.info(fields, 'a mail was kept: read it at /dev/mailbox');
  }

  async function deliver(
    smtp: Smtp,
    parcel: Parcel,
    { id, signal, createdAt }: Pick<Job, 'id' | 'signal' | 'createdAt'>,
  ): Promise<void> {
    const { to, subject, text, html, messageId } = parcel;
    const fields = { ...about(parcel), job: id };
    const outcome = await smtp.deliver({ from: from!, to, subject, text, html, messageId }, signal);
    switch (outcome.kind) {
      case 'sent':
        return log.info(fields, 'a mail was sent');
      case 'refused':
        return log.error({ ...fields, err: outcome.error }, 'a mail was refused');
      case 'doubtful':
        if (parcel.isDoubtful)
          return log.error({ ...fields, err: outcome.error }, 'the mail server took a mail twice without saying so');
        // Once more and no more: the recipient may have it already.
        log.warn({ ...fields, err: outcome.error }, 'the mail server took a mail without saying so');
        return jobs.send(QUEUE, { ...parcel, isDoubtful: true }, { startAfter: fromNow(clock, DOUBTFUL_RETRY) });
      case 'unsent':
        if (clock.now().getTime() - createdAt.getTime() > ALARM_AFTER)
          log.error(fields, 'mails have not been delivered for more than five minutes');
        throw outcome.error;
      default:
        return unreachable(outcome);
    }
  }

  return { send: (mail, em) => send(mail, em) };
}

/** The letter, and its recipient as far as a log may say. */
function about({ kind, to }: { kind: string; to: Pick<MailAddress, 'address'> }): { mail: string; to: string } {
  return { mail: kind, to: maskMailAddress(to.address) };
}
