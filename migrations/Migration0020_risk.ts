import { Migration } from '@mikro-orm/migrations';

export class Migration0020_risk extends Migration {
  override up(): void {
    this.addSql(`
      create table sign_in_trace (
        id uuid not null, user_id uuid not null, at timestamptz(3) not null, network text not null, country text null,
        latitude double precision null, longitude double precision null,
        constraint sign_in_trace_pkey primary key (id)
      )
    `);
    this.addSql(
      `alter table sign_in_trace add constraint sign_in_trace_user_id_foreign foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql(`create index sign_in_trace_user_id_at_index on sign_in_trace (user_id, at)`);
    this.addSql(`create index sign_in_trace_at_index on sign_in_trace (at)`);
    this.addSql(`
      create table proof_of_work (
        challenge_hash bytea not null, expires_at timestamptz(3) not null,
        constraint proof_of_work_pkey primary key (challenge_hash)
      )
    `);
    this.addSql(`create index proof_of_work_expires_at_index on proof_of_work (expires_at)`);
  }
}
