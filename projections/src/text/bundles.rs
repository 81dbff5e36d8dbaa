//! The three languages' texts, parsed once.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::{LanguageIdentifier, langid};
use vitne_domain::account::Language;

/// The sources of one language.
pub(super) const fn sources(language: Language) -> [&'static str; 4] {
    match language {
        Language::Sv => [
            include_str!("../../i18n/sv/activity.ftl"),
            include_str!("../../i18n/sv/words.ftl"),
            include_str!("../../i18n/sv/advice.ftl"),
            include_str!("../../i18n/sv/mail.ftl"),
        ],
        Language::Nb => [
            include_str!("../../i18n/nb/activity.ftl"),
            include_str!("../../i18n/nb/words.ftl"),
            include_str!("../../i18n/nb/advice.ftl"),
            include_str!("../../i18n/nb/mail.ftl"),
        ],
        Language::En => [
            include_str!("../../i18n/en/activity.ftl"),
            include_str!("../../i18n/en/words.ftl"),
            include_str!("../../i18n/en/advice.ftl"),
            include_str!("../../i18n/en/mail.ftl"),
        ],
    }
}

static SV: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| bundle(Language::Sv, langid!("sv")));
static NB: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| bundle(Language::Nb, langid!("nb")));
static EN: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| bundle(Language::En, langid!("en")));

fn bundle(language: Language, name: LanguageIdentifier) -> FluentBundle<FluentResource> {
    let mut bundle = FluentBundle::new_concurrent(vec![name]);
    bundle.set_use_isolating(false);
    for source in sources(language) {
        // What does not parse is left out and falls back; a test holds that everything parses.
        let resource = match FluentResource::try_new(source.to_owned()) {
            Ok(resource) | Err((resource, _)) => resource,
        };
        bundle.add_resource_overriding(resource);
    }
    bundle
}

fn of(language: Language) -> &'static FluentBundle<FluentResource> {
    match language {
        Language::Sv => &SV,
        Language::Nb => &NB,
        Language::En => &EN,
    }
}

/// The text in exactly this language, with every argument it asks for.
pub(super) fn exactly(language: Language, key: &str, args: &FluentArgs<'_>) -> Option<String> {
    let bundle = of(language);
    let pattern = bundle.get_message(key)?.value()?;
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, Some(args), &mut errors).into_owned();
    errors.is_empty().then_some(text)
}

/// The text in this language, else in English, else a general sentence.
pub(super) fn text(language: Language, key: &str, args: &FluentArgs<'_>) -> Option<String> {
    exactly(language, key, args).or_else(|| exactly(Language::En, key, args)).or_else(|| {
        tracing::warn!(key, "no text for this key and its arguments");
        exactly(language, "text-missing", &FluentArgs::new())
    })
}
