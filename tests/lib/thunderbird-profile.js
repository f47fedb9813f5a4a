/* SPDX-License-Identifier: LGPL-2.1-or-later */

// The account of a holder who sends by tests/lib/smtp_sink.py: becomes user.js of a new profile. No
// mail is fetched, and a copy of what is sent is not kept.
user_pref("mail.accountmanager.accounts", "account1,account2");
user_pref("mail.accountmanager.defaultaccount", "account1");
user_pref("mail.accountmanager.localfoldersserver", "server2");
user_pref("mail.account.account1.server", "server1");
user_pref("mail.account.account1.identities", "id1");
user_pref("mail.account.account2.server", "server2");
user_pref("mail.server.server1.type", "pop3");
user_pref("mail.server.server1.hostname", "127.0.0.1");
user_pref("mail.server.server1.userName", "hanako");
user_pref("mail.server.server1.name", "hanako@example.jp");
user_pref("mail.server.server1.check_new_mail", false);
user_pref("mail.server.server1.login_at_startup", false);
user_pref("mail.server.server2.type", "none");
user_pref("mail.server.server2.hostname", "Local Folders");
user_pref("mail.server.server2.userName", "nobody");
user_pref("mail.server.server2.name", "Local Folders");
user_pref("mail.identity.id1.useremail", "hanako@example.jp");
user_pref("mail.identity.id1.fullName", "Hanako");
user_pref("mail.identity.id1.smtpServer", "smtp1");
user_pref("mail.identity.id1.fcc", false);
user_pref("mail.smtpservers", "smtp1");
user_pref("mail.smtp.defaultserver", "smtp1");
user_pref("mail.smtpserver.smtp1.type", "smtp");
user_pref("mail.smtpserver.smtp1.hostname", "127.0.0.1");
user_pref("mail.smtpserver.smtp1.port", 2525);
user_pref("mail.smtpserver.smtp1.authMethod", 1); // none
user_pref("mail.smtpserver.smtp1.try_ssl", 0); // never

// Nothing is looked for in any network; --marionette sets more of these.
user_pref("mailnews.start_page.enabled", false);
user_pref("app.update.enabled", false);
user_pref("security.OCSP.enabled", 0);
