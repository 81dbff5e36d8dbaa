//! Whether a browser's request comes from a page that may speak for its user.

use axum::http::{HeaderMap, Method, header};

/// Where a request says it comes from. Only browsers say so, and scripts cannot change what they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginCheck {
    /// `Origin` names an allowed origin, or `Sec-Fetch-Site` says `same-origin`.
    Allowed,
    /// A top-level navigation, or no browser at all.
    Absent,
    /// Another site's page.
    Foreign,
}

impl OriginCheck {
    /// Reads the request's headers. `allowed` holds serialised origins (`https://login.example`).
    pub fn of(headers: &HeaderMap, allowed: &[String]) -> Self {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        if let Some(origin) = origins.next() {
            let known = allowed.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(origin.as_bytes()));
            return if known && origins.next().is_none() { Self::Allowed } else { Self::Foreign };
        }
        match headers.get("sec-fetch-site").map(axum::http::HeaderValue::as_bytes) {
            Some(b"same-origin") => Self::Allowed,
            Some(b"none") | None => Self::Absent,
            Some(_) => Self::Foreign,
        }
    }

    /// Whether a cookie may act for its user here. A request that changes something, or opens a
    /// WebSocket, must come from an allowed page; a read may also be a navigation.
    pub fn admits_cookie(self, method: &Method, headers: &HeaderMap) -> bool {
        match self {
            Self::Allowed => true,
            Self::Foreign => false,
            Self::Absent => is_safe(method) && !headers.contains_key(header::UPGRADE),
        }
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_act_only_for_allowed_pages() {
        let allowed = ["https://login.example".to_owned()];
        // origin, sec-fetch-site, websocket, expected check, cookie on POST, cookie on GET
        let cases = [
            (Some("https://login.example"), None, false, OriginCheck::Allowed, true, true),
            (Some("HTTPS://LOGIN.EXAMPLE"), None, false, OriginCheck::Allowed, true, true),
            (Some("https://login.example.evil"), None, false, OriginCheck::Foreign, false, false),
            (Some("https://evil.example"), Some("same-origin"), false, OriginCheck::Foreign, false, false),
            (Some("null"), None, false, OriginCheck::Foreign, false, false),
            (None, Some("same-origin"), false, OriginCheck::Allowed, true, true),
            (None, Some("none"), false, OriginCheck::Absent, false, true),
            (None, Some("same-site"), false, OriginCheck::Foreign, false, false),
            (None, Some("cross-site"), false, OriginCheck::Foreign, false, false),
            (None, None, false, OriginCheck::Absent, false, true),
            (None, None, true, OriginCheck::Absent, false, false),
            (Some("https://login.example"), None, true, OriginCheck::Allowed, true, true),
        ];
        for (origin, site, websocket, check, post, get) in cases {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            if let Some(site) = site {
                headers.insert("sec-fetch-site", site.parse().unwrap());
            }
            if websocket {
                headers.insert(header::UPGRADE, "websocket".parse().unwrap());
            }
            let found = OriginCheck::of(&headers, &allowed);
            assert_eq!(found, check, "{origin:?} {site:?}");
            assert_eq!(found.admits_cookie(&Method::POST, &headers), post, "POST {origin:?} {site:?}");
            assert_eq!(found.admits_cookie(&Method::GET, &headers), get, "GET {origin:?} {site:?} {websocket}");
        }
    }
}
