import { Migration } from '@mikro-orm/migrations';

export class Migration0015_branding extends Migration {
  override up(): void {
    this.addSql(`
      create table brand (
        owner text not null, choice jsonb not null, logo bytea null, dark_logo bytea null, stylesheet text null, changed_at timestamptz(3) not null,
        constraint brand_pkey primary key (owner)
      )
    `);
  }
}
