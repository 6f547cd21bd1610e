import { z } from 'zod';

/** Schemes that a browser or a system opens by itself, in words; each is the start of an attack on the user and not a way to an app. */
const dangerous = new Set(
  `about android-app blob chrome cid content data edge facetime facetime-audio feed file filesystem ftp ftps geo git gopher http https
   imap intent itms itms-apps itms-services jar javascript ldap ldaps livescript localhost mailto magnet market mhtml mid mocha
   nfs nntp news opera pop rdp res resource rlogin rsync rtsp search search-ms sftp shell sip sips skype smb sms smsto ssh svn tel
   telnet tn3270 urn vbscript view-source vnc wais ws wss wyciwyg`.split(/\s+/),
);
/** Families of schemes of browsers and systems, such as ms-settings and chrome-extension. */
const dangerousFamilies = /^(?:ms-|x-apple|x-web-|web\+|chrome-|moz-|safari-|edge-|opera-|itms-|android-|jar:)/;

/** Whether no app may have the scheme (without its colon), whatever the operator allows. */
export const isDangerousScheme = (scheme: string): boolean => dangerous.has(scheme) || dangerousFamilies.test(scheme);

/**
 * A private-use scheme without a dot (RFC 8252 §7.1 asks for one, because a reversed domain name belongs to its owner): any app on
 * the device may claim it, so the operator names each.
 */
export const nativeScheme = z
  .string()
  .regex(/^[a-z][a-z0-9+-]{0,63}$/, 'must be a scheme without its colon, such as cursor')
  .refine((scheme) => !isDangerousScheme(scheme), 'is a scheme that browsers or systems open themselves');
