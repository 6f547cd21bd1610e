import { Migration } from '@mikro-orm/migrations';

export class Migration0021_email_since extends Migration {
  override up(): void {
    this.addSql(`alter table users add column email_since timestamptz(3) null`);
  }
}
