import { Migration } from '@mikro-orm/migrations';

/** The sessions at a provider go with its connection, as the identities do: a later connection of the same slug is another one. */
export class Migration0080_forgotten_sessions extends Migration {
  override up(): void {
    this.addSql(`
      create or replace function connection_forgotten() returns trigger language plpgsql as $$
      begin
        delete from user_identity where connection = old.slug;
        delete from upstream_session where connection = old.slug;
        return null;
      end $$
    `);
    this.addSql(
      'delete from upstream_session s where not exists (select 1 from connection c where c.slug = s.connection)',
    );
  }
}
