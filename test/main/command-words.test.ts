// The words of the command line: each group says what it is about, and no option is required that another one replaces.
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../src/main/cli-program.ts';

describe('the command line', () => {
  const groups = createProgram().program.commands.filter(({ commands }) => commands.length > 0);

  test('has groups', () => expect(groups.length).toBeGreaterThan(20));

  test.each(groups.map((group) => [group.name(), group.description()]))('says what %s is about', (_, description) => {
    expect(description).toMatch(/^[A-Z].{3,}$/);
  });

  test('requires no option that another option replaces', () => {
    const end = groups
      .find((group) => group.name() === 'session')!
      .commands.find((command) => command.name() === 'end')!;
    const required = end.options.filter(({ mandatory }) => mandatory).map(({ long }) => long);
    expect(required).toEqual(['--user']);
  });
});
