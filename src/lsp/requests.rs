//! The table of requests: what each asks, and who answers it.

use std::path::PathBuf;
use std::sync::Arc;

use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionParams, CodeActionProviderCapability, CompletionOptions, CompletionParams,
    DocumentFormattingParams, DocumentSymbolParams, DocumentSymbolResponse, FoldingRangeParams, FoldingRangeProviderCapability,
    HoverProviderCapability, InitializeResult, OneOf, PositionEncodingKind, ReferenceParams, RenameOptions, RenameParams, SaveOptions,
    ServerCapabilities, ServerInfo, TextDocumentPositionParams, TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions,
    TextDocumentSyncSaveOptions, Url,
};
use serde_json::Value;

use super::actions::{self, FIX_ALL};
use super::document::Document;
use super::edits::Addresses;
use super::layout::lay_out;
use super::lines::Encoding;
use super::rename::{self, Rename};
use super::server::parsed;
use super::wire::{Answer, Failure, json};
use super::worker::Question;
use super::world::{View, World};
use super::{completion, hover, navigate, outline};

/// How a request is answered.
pub(super) enum Reply {
    Now(Result<Answer, Failure>),
    /// Ask again after the next compilation of this project.
    After(PathBuf),
    /// From a compilation of its own.
    Question(PathBuf, Question),
    /// From a text alone, on the other thread.
    Work(Box<dyn FnOnce() -> Result<Answer, Failure> + Send>),
}

/// What the server can do.
pub(super) fn capabilities(encoding: Encoding) -> Answer {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
        save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(false) })),
        ..TextDocumentSyncOptions::default()
    };
    let triggers = ["<", " ", "\"", "'", ".", "{", "|", ",", ":"];
    let kinds = vec![CodeActionKind::QUICKFIX, CodeActionKind::from(FIX_ALL)];
    let capabilities = ServerCapabilities {
        position_encoding: Some(match encoding {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        }),
        text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some(triggers.map(str::to_owned).into()),
            ..CompletionOptions::default()
        }),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        document_highlight_provider: Some(OneOf::Left(true)),
        rename_provider: Some(OneOf::Right(RenameOptions { prepare_provider: Some(true), ..rename_options() })),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(kinds),
            ..CodeActionOptions::default()
        })),
        document_formatting_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
        ..ServerCapabilities::default()
    };
    let info = ServerInfo { name: "webhookc".to_owned(), version: Some(env!("CARGO_PKG_VERSION").to_owned()) };
    json(InitializeResult { capabilities, server_info: Some(info) })
}

fn rename_options() -> RenameOptions {
    RenameOptions { prepare_provider: None, work_done_progress_options: lsp_types::WorkDoneProgressOptions::default() }
}

/// Answers a request, or says how it is to be answered.
pub(super) fn answer(world: &World, method: &str, params: &Value) -> Reply {
    let url = params.pointer("/textDocument/uri").and_then(Value::as_str).and_then(|url| Url::parse(url).ok());
    if url.is_some_and(|url| world.is_foreign(&url)) {
        return Reply::Now(Ok(json(())));
    }
    let outcome = match method {
        "textDocument/completion" => with(params, |params: CompletionParams| {
            at(world, &params.text_document_position, |view, offset| json(completion::complete(view, offset)))
        }),
        "textDocument/hover" => place(world, params, |view, offset| json(hover::hover(view, offset))),
        "textDocument/definition" => place(world, params, |view, offset| json(navigate::definition(view, offset))),
        "textDocument/documentHighlight" => place(world, params, |view, offset| json(navigate::highlights(view, offset))),
        "textDocument/prepareRename" => with(params, |params: TextDocumentPositionParams| {
            asked(world, &params.text_document.uri, |view| rename::prepare(view, offset(view, params.position)).map(json))
        }),
        "textDocument/references" => with(params, |params: ReferenceParams| {
            let declared = params.context.include_declaration;
            let position = &params.text_document_position;
            current(world, &position.text_document.uri, |view| {
                Ok(json(navigate::references(view, offset(view, position.position), declared)))
            })
        }),
        "textDocument/rename" => with(params, |params: RenameParams| renaming(world, &params)),
        "textDocument/codeAction" => with(params, |params: CodeActionParams| {
            current(world, &params.text_document.uri, |view| {
                let range = offset(view, params.range.start)..offset(view, params.range.end);
                Ok(json(actions::actions(view, &range, params.context.only.as_deref())))
            })
        }),
        "textDocument/documentSymbol" => with(params, |params: DocumentSymbolParams| {
            asked(world, &params.text_document.uri, |view| Ok(json(DocumentSymbolResponse::Nested(outline::symbols(view)))))
        }),
        "textDocument/foldingRange" => {
            with(params, |params: FoldingRangeParams| asked(world, &params.text_document.uri, |view| Ok(json(outline::folds(view)))))
        }
        "textDocument/formatting" => with(params, |params: DocumentFormattingParams| formatting(world, &params)),
        _ => Err(Failure::new(Failure::METHOD_NOT_FOUND, format!("`{method}` is not offered"))),
    };
    outcome.unwrap_or_else(|failure| Reply::Now(Err(failure)))
}

fn with<T: serde::de::DeserializeOwned>(params: &Value, answer: impl FnOnce(T) -> Result<Reply, Failure>) -> Result<Reply, Failure> {
    answer(parsed(params.clone())?)
}

/// A request about a place.
fn place(world: &World, params: &Value, answer: impl FnOnce(View<'_>, usize) -> Answer) -> Result<Reply, Failure> {
    with(params, |params: TextDocumentPositionParams| at(world, &params, answer))
}

fn at(world: &World, place: &TextDocumentPositionParams, answer: impl FnOnce(View<'_>, usize) -> Answer) -> Result<Reply, Failure> {
    asked(world, &place.text_document.uri, |view| Ok(answer(view, offset(view, place.position))))
}

/// A request about an open text, answered from the last compilation; from the first one when there is none yet.
fn asked(world: &World, url: &Url, answer: impl FnOnce(View<'_>) -> Result<Answer, Failure>) -> Result<Reply, Failure> {
    let document = open(world, url)?;
    let Some(view) = world.view(document) else { return Ok(Reply::After(home(world, document)?)) };
    Ok(Reply::Now(answer(view)))
}

/// A request that needs every place to be right: answered when the texts as they are have been compiled.
fn current(world: &World, url: &Url, answer: impl FnOnce(View<'_>) -> Result<Answer, Failure>) -> Result<Reply, Failure> {
    let document = open(world, url)?;
    let home = home(world, document)?;
    match world.view(document).filter(|view| world.is_current(&home, view.snapshot)) {
        Some(view) => Ok(Reply::Now(answer(view))),
        None => Ok(Reply::After(home)),
    }
}

fn open<'w>(world: &'w World, url: &Url) -> Result<&'w Document, Failure> {
    world.document(url).ok_or_else(|| Failure::new(Failure::INVALID_PARAMS, format!("`{url}` is not open")))
}

fn home(world: &World, document: &Document) -> Result<PathBuf, Failure> {
    world.home(&document.path).cloned().ok_or_else(|| Failure::refused("the file belongs to no project"))
}

fn offset(view: View<'_>, position: lsp_types::Position) -> usize {
    view.document.lines.offset(&view.document.text, position, view.world.encoding)
}

fn renaming(world: &World, params: &RenameParams) -> Result<Reply, Failure> {
    let place = &params.text_document_position;
    let document = open(world, &place.text_document.uri)?;
    let home = home(world, document)?;
    let Some(view) = world.view(document).filter(|view| world.is_current(&home, view.snapshot)) else { return Ok(Reply::After(home)) };
    let rename = Rename {
        path: document.path.clone(),
        offset: offset(view, place.position),
        name: params.new_name.clone(),
        encoding: world.encoding,
        addresses: Addresses::of(world),
    };
    Ok(match rename.at_once(view.snapshot) {
        Some(answer) => Reply::Now(answer),
        None => Reply::Question(home, Box::new(move |wanted, snapshot| rename.answer(wanted, snapshot))),
    })
}

fn formatting(world: &World, params: &DocumentFormattingParams) -> Result<Reply, Failure> {
    let document = open(world, &params.text_document.uri)?;
    if !document.is_xml() {
        return Ok(Reply::Now(Ok(json(()))));
    }
    if let Some(layout) = &document.layout {
        return Ok(Reply::Now(Ok(layout.clone())));
    }
    let (text, encoding) = (Arc::clone(&document.text), world.encoding);
    Ok(Reply::Work(Box::new(move || Ok(lay_out(&text, encoding)))))
}
