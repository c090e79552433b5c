// Starts `webhookc lsp` for schemas, templates, `webhookc.toml` and scenario tests, and stops it again.

const { workspace } = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

let client;

exports.activate = async () => {
  const command = workspace.getConfiguration("webhookc").get("path") || "webhookc";
  const run = { command, args: ["lsp"], transport: TransportKind.stdio };
  const patterns = ["**/*.xml", "**/webhookc.toml", "**/*.test.yaml", "**/templates/**"];
  client = new LanguageClient("webhookc", "webhookc", { run, debug: run }, {
    documentSelector: patterns.map((pattern) => ({ scheme: "file", pattern })),
    synchronize: { fileEvents: patterns.map((pattern) => workspace.createFileSystemWatcher(pattern)) },
  });
  await client.start();
};

exports.deactivate = () => client?.stop();
