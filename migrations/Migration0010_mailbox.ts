import { Migration } from '@mikro-orm/migrations';

export class Migration0010_mailbox extends Migration {
  override up(): void {
    this.addSql(
      `create table mail_quota (key text not null, sent jsonb not null, ends_at timestamptz(3) not null, constraint mail_quota_pkey primary key (key))`,
    );
    this.addSql(`create index mail_quota_ends_at_index on mail_quota (ends_at)`);
    this.addSql(
      `create table mailbox_message (id uuid not null, sealed text not null, created_at timestamptz(3) not null, constraint mailbox_message_pkey primary key (id))`,
    );
    this.addSql(`create index mailbox_message_created_at_index on mailbox_message (created_at)`);
  }
}
