import { Migration } from '@mikro-orm/migrations';

export class Migration0022_phone_since extends Migration {
  override up(): void {
    this.addSql(`alter table users add column phone_number_since timestamptz(3) null`);
  }
}
