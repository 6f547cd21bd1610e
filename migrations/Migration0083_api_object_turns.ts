import { Migration } from '@mikro-orm/migrations';

/**
 * Turns to change an object through the API. They last as long as a call, so they need not survive a crash of the server: without a
 * log of their own they cost no wait for the disk.
 */
export class Migration0083_api_object_turns extends Migration {
  override up(): void {
    this.addSql(`
      create unlogged table api_object_turn (
        object text not null, holder text not null, expires_at timestamptz(3) not null,
        constraint api_object_turn_pkey primary key (object)
      )
    `);
    this.addSql('create index api_object_turn_expires_at_index on api_object_turn (expires_at)');
  }
}
