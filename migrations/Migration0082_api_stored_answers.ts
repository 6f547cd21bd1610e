import { Migration } from '@mikro-orm/migrations';

/** Outcomes of calls with an `Idempotency-Key`, sealed, for a day. */
export class Migration0082_api_stored_answers extends Migration {
  override up(): void {
    this.addSql(`
      create table api_stored_answer (
        id bytea not null, claim text not null, sealed text not null, expires_at timestamptz(3) not null,
        constraint api_stored_answer_pkey primary key (id)
      )
    `);
    this.addSql('create index api_stored_answer_expires_at_index on api_stored_answer (expires_at)');
  }
}
