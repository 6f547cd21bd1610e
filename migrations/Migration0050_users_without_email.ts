import { Migration } from '@mikro-orm/migrations';

/**
 * A user has an email address or a username. Users from before have an address, so the check is validated apart, without a lock that
 * others wait for. Nodes of the release before read such a user; they sign the user in, and they cannot write a letter to one.
 */
export class Migration0050_users_without_email extends Migration {
  override up(): void {
    this.addSql('alter table users alter column email drop not null, alter column email_canonical drop not null');
    this.addSql(`
      alter table users add constraint users_identifier_check check (
        (email is null) = (email_canonical is null) and (email is not null or (username is not null and not email_verified))
      ) not valid
    `);
    this.addSql('alter table users validate constraint users_identifier_check');
  }
}
