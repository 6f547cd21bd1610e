import { Migration } from '@mikro-orm/migrations';

/** Tightenings of the policy of the instance by organizations and clients. */
export class Migration0047_policy_tightening extends Migration {
  override up(): void {
    this.addSql(`
      create table policy_tightening (
        holder text not null, sections jsonb not null, changed_at timestamptz(3) not null,
        constraint policy_tightening_pkey primary key (holder)
      )
    `);
  }
}
