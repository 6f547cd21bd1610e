import { Migration } from '@mikro-orm/migrations';

export class Migration0004_keys extends Migration {
  override up(): void {
    this.addSql(`
      create table signing_key (
        kid text not null, family text not null, state text not null, public_jwk jsonb not null, private_sealed text null,
        created_at timestamptz(3) not null, usable_at timestamptz(3) not null, activated_at timestamptz(3) null, replaced_at timestamptz(3) null,
        published_until timestamptz(3) null, rotation_requested boolean not null,
        constraint signing_key_pkey primary key (kid)
      )`);
    this.addSql(`create unique index signing_key_current_unique on signing_key (family) where state = 'current'`);
    this.addSql(`create unique index signing_key_next_unique on signing_key (family) where state = 'next'`);
  }
}
