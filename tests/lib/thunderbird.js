/* SPDX-License-Identifier: LGPL-2.1-or-later */

// What the holder does in Thunderbird, by the windows and the code that a holder uses. thunderbird.py
// runs these functions inside of Thunderbird; what they return is text for the test.

const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { MailUtils } = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
const certificates = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
const moduleDatabase =
  Cc["@mozilla.org/security/pkcs11moduledb;1"].getService(Ci.nsIPKCS11ModuleDB);

const identity = () => MailServices.accounts.defaultAccount.defaultIdentity;
const mainWindow = () => Services.wm.getMostRecentWindow("mail:3pane");

// Asks again and again until the answer is something.
async function until(question) {
  for (;;) {
    const answer = question();
    if (answer) {
      return answer;
    }
    await new Promise(resolve => mainWindow().setTimeout(resolve, 20));
  }
}

function fileAt(path) {
  const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
  file.initWithPath(path);
  return file;
}

// The person in front of the screen: answers Thunderbird's dialogs, and tells what they said, each in
// a line: its kind, how many lines the log of the card's commands had by then, its text. ANSWERS are
// for questions, one after the other: a PIN, yes, or no. Who has none left cancels.
class Holder {
  constructor(log, answers) {
    this.log = fileAt(log);
    this.answers = answers.split(" ").filter(answer => answer);
    this.seen = [];
    Services.obs.addObserver(this, "common-dialog-loaded");
    Services.ww.registerNotification(this);
  }

  // Returns what was seen, with what it led to.
  leave(result) {
    Services.obs.removeObserver(this, "common-dialog-loaded");
    Services.ww.unregisterNotification(this);
    return [...this.seen, result].join("\n");
  }

  observe(subject, topic) {
    if (topic == "common-dialog-loaded") {
      this.answer(subject);
    } else if (topic == "domwindowopened") {
      // After what the window itself does when it has loaded.
      const decide = () => subject.setTimeout(() => this.decide(subject));
      subject.addEventListener("load", decide, { once: true });
    }
  }

  note(kind, text) {
    const lines = Cu.readUTF8File(this.log).split("\n").length - 1;
    this.seen.push(`${kind} ${lines} ${text.replace(/\s+/g, " ").trim()}`);
  }

  answer(window) {
    const { promptType, text } = window.Dialog.args;
    const dialog = window.document.getElementById("commonDialog");
    this.note(promptType, text);
    const answer = promptType == "alert" ? "yes" : (this.answers.shift() ?? "no");
    if (answer == "no") {
      dialog.cancelDialog();
      return;
    }
    if (promptType == "promptPassword") {
      window.document.getElementById("password1Textbox").value = answer;
    }
    dialog.acceptDialog();
  }

  // Windows of their own: the list of certificates, of which the first will do, and the question what
  // an authority is trusted for, which is mail, and no web sites.
  decide(window) {
    const part = id => window.document.getElementById(id);
    const name = window.location.pathname.split("/").pop();
    if (name == "certpicker.xhtml") {
      for (const item of part("nicknames").menupopup.children) {
        this.note("certificate", item.label);
      }
    } else if (name == "editcacert.xhtml" || name == "downloadcert.xhtml") {
      this.note("authority", name);
      part("trustEmail").checked = true;
    } else {
      return;
    }
    window.document.querySelector("dialog").acceptDialog();
  }
}

// ---- the module ----

// Each module with the tokens that Thunderbird knows to be there. It does not look again for a second.
async function modules() {
  const found = [];
  for (const module of await moduleDatabase.listModules()) {
    const there = module.slots.filter(slot => slot.status !== Ci.nsIPKCS11Slot.SLOT_NOT_PRESENT);
    const tokens = there.map(slot => slot.tokenName).filter(name => name);
    found.push(`${module.name}: ${module.libName}: ${tokens.join(", ")}`);
  }
  return found.join("\n");
}

async function addModule(name, path) {
  await moduleDatabase.addModule(name, path, 0, 0);
}

async function removeModule(name) {
  await moduleDatabase.deleteModule(name);
}

// ---- certificates ----

// Manage Certificates, Authorities, Import: from a file.
function importAuthority(log, path) {
  const holder = new Holder(log, "");
  certificates.importCertsFromFile(fileAt(path), Ci.nsIX509Cert.CA_CERT);
  return holder.leave("imported");
}

// Manage Certificates, Authorities, Edit Trust: of the one with this SHA-256 fingerprint.
function trustAuthority(log, answers, fingerprint) {
  const holder = new Holder(log, answers);
  const authority = certificates.getCerts().find(found => found.sha256Fingerprint == fingerprint);
  if (!authority) {
    return holder.leave("no such authority");
  }
  const features = "chrome,centerscreen,modal";
  mainWindow().openDialog("chrome://pippki/content/editcacert.xhtml", "", features, authority);
  return holder.leave("trusted");
}

// The account's settings, End-To-End Encryption: a button of that page is pressed, and one waited for
// until all that it began has ended.
async function pressInSettings(holder, name, argument) {
  mainWindow().MsgAccountManager("am-e2e.xhtml", MailServices.accounts.defaultAccount.incomingServer);
  const tabmail = mainWindow().document.getElementById("tabmail");
  const page = await until(() => {
    const settings = tabmail.currentTabInfo.browser?.contentDocument;
    const frame = settings?.getElementById("contentFrame")?.contentWindow;
    // Before that, the page shows not all yet, and keeps nothing when it is closed.
    const restored = settings?.defaultView.currentPageId == "am-e2e.xhtml";
    return restored && frame?.[name] && frame.gSignCertName?.dbKey !== undefined && frame;
  });
  await page[name](argument);
  tabmail.closeTab(tabmail.currentTabInfo);
  return holder.leave(`chosen ${identity().getUnicharAttribute("signing_cert_name") || "nothing"}`);
}

// What the buttons "Select…" and "Test" for the digital signature do.
function chooseCertificate(log, answers) {
  return pressInSettings(new Holder(log, answers), "smimeSelectCert", "identity_signing_cert_name");
}

function testCertificate(log, answers) {
  return pressInSettings(new Holder(log, answers), "smimeTestCert", "identity_signing_cert_name");
}

// "Select…" for encryption.
function chooseForEncryption(log, answers) {
  return pressInSettings(
    new Holder(log, answers),
    "smimeSelectCert",
    "identity_encryption_cert_name"
  );
}

// What the settings would refuse to choose.
function forceCertificate(nickname) {
  const all = certificates.getCerts().filter(found => found.displayName == nickname);
  identity().setUnicharAttribute("signing_cert_name", all[0].displayName);
  identity().setCharAttribute("signing_cert_dbkey", all[0].dbKey);
}

// ---- messages ----

async function openDraft(to, subject, body) {
  const params = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(
    Ci.nsIMsgComposeParams
  );
  const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(
    Ci.nsIMsgCompFields
  );
  Object.assign(fields, { to, subject, body, forcePlainText: true });
  Object.assign(params, {
    composeFields: fields,
    identity: identity(),
    type: Ci.nsIMsgCompType.New,
    format: Ci.nsIMsgCompFormat.PlainText,
  });
  MailServices.compose.OpenComposeWindowWithParams(null, params);
  return until(() => {
    const window = Services.wm.getMostRecentWindow("msgcompose");
    return window?.composeEditorReady && window;
  });
}

// Until nothing is under way in the window of a draft, or it has closed itself.
function atRest(draft) {
  const busy = () =>
    draft.gWindowLocked ||
    draft.gSendOperationInProgress ||
    draft.gSaveOperationInProgress ||
    draft.gAutoSavingInProgress;
  return until(() => draft.closed || !busy());
}

async function throwAway(draft) {
  draft.close();
  await until(() => draft.closed);
}

// Writes a message, with the digital signature switched on, and presses Send. A message that is not
// sent stays on the screen, and is thrown away.
async function send(log, answers, to, subject, body) {
  identity().signMail = true;
  const holder = new Holder(log, answers);
  const draft = await openDraft(to, subject, body);
  const signed = draft.gSendSigned ? "signed" : "unsigned";
  await draft.GenericSendMessage(Ci.nsIMsgCompDeliverMode.Now);
  await atRest(draft);
  if (draft.closed) {
    return holder.leave(`sent ${signed}`);
  }
  await throwAway(draft);
  return holder.leave(`kept ${signed}`);
}

// Writes a message until Thunderbird saves it, as it does by itself every five minutes.
async function saveDraft(log, answers, to, subject, body) {
  identity().signMail = true;
  const holder = new Holder(log, answers);
  const draft = await openDraft(to, subject, body);
  await draft.GenericSendMessage(Ci.nsIMsgCompDeliverMode.AutoSaveAsDraft);
  await atRest(draft);
  await throwAway(draft);
  return holder.leave("saved");
}

// Opens a message, and returns what its reader is told about the signature.
async function read(path) {
  const file = fileAt(path);
  MailUtils.openEMLFile(mainWindow(), file, Services.io.newFileURI(file));
  const tabmail = mainWindow().document.getElementById("tabmail");
  const reader = await until(() => {
    const { mode } = tabmail.currentTabInfo;
    const message = mode.name == "mailMessageTab" && tabmail.currentAboutMessage;
    return message?.gSignatureStatusForURI && message;
  });
  reader.loadSmimeMessageSecurityInfo();
  const told = ["signatureLabel", "signatureHeader", "signatureExplanation"];
  const text = told.map(id => reader.document.getElementById(id).textContent).join("\n");
  tabmail.closeTab(tabmail.currentTabInfo);
  return text;
}
