import { usernameInvalid } from '#directory/users/errors.ts';
import { newUsername } from '#directory/users/username.ts';
import { readImportRecord } from '#migration/import-record.ts';

/** Reads a record of a file where usernames are on. */
export const readRecord = (given: unknown) =>
  readImportRecord(given, {
    accept(typed) {
      const read = newUsername(typed);
      if (typeof read === 'string') throw usernameInvalid(read);
      return read;
    },
  });
