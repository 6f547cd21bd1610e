import { describe, expect, test } from 'vitest';
import { readLogo } from '../../src/branding/logo.ts';

const svg = (inside: string) =>
  Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8">${inside}</svg>`);

describe('a logo', () => {
  test.each([
    { title: 'PNG', bytes: Buffer.from('89504e470d0a1a0a0000', 'hex'), kind: 'png' },
    { title: 'JPEG', bytes: Buffer.from('ffd8ffe000104a46', 'hex'), kind: 'jpg' },
    { title: 'WebP', bytes: Buffer.from('RIFF\0\0\0\0WEBPVP8 ', 'latin1'), kind: 'webp' },
    { title: 'SVG', bytes: svg('<path d="M0 0h8v8z" fill="url(#a)"/>'), kind: 'svg' },
    {
      title: 'SVG with its declaration',
      bytes: Buffer.from('<?xml version="1.0"?>\n<!-- made by hand -->\n<svg/>'),
      kind: 'svg',
    },
    {
      title: 'SVG with a picture inside',
      bytes: svg('<image href="data:image/png;base64,AA"/><use href="#a"/>'),
      kind: 'svg',
    },
  ])('is recognized by its first bytes: $title', ({ bytes, kind }) => {
    expect(readLogo(bytes)).toBe(kind);
  });

  test.each([
    { title: 'HTML', bytes: Buffer.from('<!doctype html><svg onload=alert(1)>'), message: 'must be a PNG' },
    { title: 'HTML after a comment', bytes: Buffer.from('<!-- <svg --><html>'), message: 'must be a PNG' },
    { title: 'GIF', bytes: Buffer.from('GIF89a'), message: 'must be a PNG' },
    { title: 'nothing', bytes: Buffer.alloc(0), message: 'must be a PNG' },
    { title: 'too much', bytes: Buffer.concat([svg(''), Buffer.alloc(256 * 1024)]), message: 'at most 256 KB' },
    { title: 'a script', bytes: svg('<script>alert(1)</script>'), message: 'scripts' },
    { title: 'a script in another namespace', bytes: svg('<x:script xlink:href="x"/>'), message: 'scripts' },
    { title: 'a handler', bytes: svg('<g onload="alert(1)"/>'), message: 'event handlers' },
    { title: 'HTML inside', bytes: svg('<foreignObject><body/></foreignObject>'), message: 'embedded pages' },
    {
      title: 'an animation of a link',
      bytes: svg('<a><animate attributeName="href" values="javascript:alert(1)"/></a>'),
      message: 'animations',
    },
    { title: 'a link', bytes: svg('<a href="javascript:alert(1)"/>'), message: 'links to other files' },
    { title: 'a link without quotes', bytes: svg('<a href=javascript:alert(1) />'), message: 'links to other files' },
    {
      title: 'a picture from elsewhere',
      bytes: svg('<image xlink:href="https://evil.example/x.png"/>'),
      message: 'links to other files',
    },
    { title: 'another SVG in it', bytes: svg('<image href="data:image/svg+xml,x"/>'), message: 'links to other files' },
    {
      title: 'a style that loads',
      bytes: svg('<style>@import "//evil.example"</style>'),
      message: 'links to other files',
    },
    { title: 'a fill that loads', bytes: svg('<path fill="url(//evil.example#a)"/>'), message: 'links to other files' },
    {
      title: 'entities',
      bytes: Buffer.from('<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "b">]><svg/>'),
      message: 'PNG',
    },
    { title: 'entities inside', bytes: svg('<!ENTITY a "b">'), message: 'entities' },
    {
      title: 'a stylesheet by instruction',
      bytes: svg('<?xml-stylesheet href="//evil.example"?>'),
      message: 'links|processing',
    },
  ])('is refused with the reason: $title', ({ bytes, message }) => {
    expect(() => readLogo(bytes)).toThrow(new RegExp(message));
  });
});
