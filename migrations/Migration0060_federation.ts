import { Migration } from '@mikro-orm/migrations';

/** Sign-ins and links that wait for the answer of an upstream provider. */
export class Migration0060_federation extends Migration {
  override up(): void {
    this.addSql(`
      create table federation_attempt (
        state_hash bytea not null, binding_hash bytea not null, sealed text not null, answer text null,
        proof_hash bytea null, expires_at timestamptz(3) not null,
        constraint federation_attempt_pkey primary key (state_hash),
        constraint federation_attempt_proof_hash_unique unique (proof_hash)
      )
    `);
    this.addSql('create index federation_attempt_expires_at_index on federation_attempt (expires_at)');
  }
}
