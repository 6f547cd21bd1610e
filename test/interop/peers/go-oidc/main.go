// A web application with go-oidc: sign-in, renewal of tokens, sign-out, back-channel logout.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// session is the data that the application keeps for a browser.
type session struct {
	verifier, state, nonce string
	sid, rawIDToken        string
	token                  *oauth2.Token
	person                 map[string]any
}

var (
	mutex    sync.Mutex
	sessions = map[string]*session{} // in production a store that all nodes share
)

func main() {
	ctx := context.Background()
	base, id := os.Getenv("BASE_URL"), os.Getenv("CLIENT_ID")
	latchkey, err := oidc.NewProvider(ctx, os.Getenv("ISSUER"))
	if err != nil {
		log.Fatal(err)
	}
	config := oauth2.Config{
		ClientID: id, ClientSecret: os.Getenv("CLIENT_SECRET"), Endpoint: latchkey.Endpoint(),
		RedirectURL: base + "/callback",
		Scopes:      []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess},
	}
	var metadata struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := latchkey.Claims(&metadata); err != nil {
		log.Fatal(err)
	}
	verifier := latchkey.Verifier(&oidc.Config{ClientID: id})

	http.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		pending := &session{verifier: oauth2.GenerateVerifier(), state: oauth2.GenerateVerifier(), nonce: oauth2.GenerateVerifier()}
		keep(w, pending)
		address := config.AuthCodeURL(pending.state, oauth2.S256ChallengeOption(pending.verifier),
			oidc.Nonce(pending.nonce), oauth2.SetAuthURLParam("prompt", "consent"))
		http.Redirect(w, r, address, http.StatusSeeOther)
	})

	http.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		_, pending := sessionOf(r)
		if pending == nil || r.FormValue("state") != pending.state {
			answer(w, http.StatusBadRequest, map[string]any{"error": "another sign-in"})
			return
		}
		if problem := r.FormValue("error"); problem != "" { // such as access_denied, when the user refuses
			answer(w, http.StatusBadRequest, map[string]any{"error": problem})
			return
		}
		token, err := config.Exchange(r.Context(), r.FormValue("code"), oauth2.VerifierOption(pending.verifier))
		if err != nil {
			answer(w, http.StatusBadGateway, map[string]any{"error": err.Error()})
			return
		}
		raw, _ := token.Extra("id_token").(string)
		idToken, err := verifier.Verify(r.Context(), raw)
		if err == nil && idToken.Nonce != pending.nonce {
			http.Error(w, "wrong nonce", http.StatusBadGateway)
			return
		}
		if err == nil {
			err = idToken.VerifyAccessToken(token.AccessToken)
		}
		if err != nil {
			answer(w, http.StatusBadGateway, map[string]any{"error": err.Error()})
			return
		}
		signedIn := &session{token: token, rawIDToken: raw}
		var claims struct {
			Sid string `json:"sid"`
		}
		if err = idToken.Claims(&claims); err == nil {
			signedIn.sid = claims.Sid
			signedIn.person, err = userinfo(r.Context(), latchkey, token)
		}
		if err != nil {
			answer(w, http.StatusBadGateway, map[string]any{"error": err.Error()})
			return
		}
		keep(w, signedIn)
		http.Redirect(w, r, "/me", http.StatusSeeOther)
	})

	http.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		_, mine := sessionOf(r)
		if mine == nil || mine.token == nil {
			answer(w, http.StatusUnauthorized, map[string]any{"error": "not signed in"})
			return
		}
		answer(w, http.StatusOK, map[string]any{"sub": mine.person["sub"], "email": mine.person["email"], "name": mine.person["name"]})
	})

	http.HandleFunc("GET /refresh", func(w http.ResponseWriter, r *http.Request) {
		name, mine := sessionOf(r)
		// A token source renews when the access token has expired; here it has.
		expired := &oauth2.Token{RefreshToken: mine.token.RefreshToken, Expiry: time.Now().Add(-time.Minute)}
		renewed, err := config.TokenSource(r.Context(), expired).Token()
		if err != nil {
			answer(w, http.StatusBadGateway, map[string]any{"error": err.Error()})
			return
		}
		person, err := userinfo(r.Context(), latchkey, renewed)
		if err != nil {
			answer(w, http.StatusBadGateway, map[string]any{"error": err.Error()})
			return
		}
		next := *mine
		next.token = renewed
		mutex.Lock()
		sessions[name] = &next
		mutex.Unlock()
		answer(w, http.StatusOK, map[string]any{"email": person["email"], "renewed": renewed.AccessToken != mine.token.AccessToken})
	})

	http.HandleFunc("GET /logout", func(w http.ResponseWriter, r *http.Request) {
		name, mine := sessionOf(r)
		query := url.Values{"client_id": {id}, "post_logout_redirect_uri": {base + "/"}}
		if mine != nil {
			query.Set("id_token_hint", mine.rawIDToken)
		}
		mutex.Lock()
		delete(sessions, name)
		mutex.Unlock()
		http.Redirect(w, r, metadata.EndSession+"?"+query.Encode(), http.StatusSeeOther)
	})

	http.HandleFunc("POST /backchannel", func(w http.ResponseWriter, r *http.Request) {
		token, err := verifier.Verify(r.Context(), r.FormValue("logout_token"))
		var claims struct {
			Sid    string         `json:"sid"`
			Nonce  *string        `json:"nonce"`
			Events map[string]any `json:"events"`
		}
		if err == nil {
			err = token.Claims(&claims)
		}
		_, isLogout := claims.Events["http://schemas.openid.net/event/backchannel-logout"]
		if err != nil || !isLogout || claims.Sid == "" || claims.Nonce != nil {
			http.Error(w, "invalid logout token", http.StatusBadRequest)
			return
		}
		mutex.Lock()
		for name, one := range sessions {
			if one.sid == claims.Sid {
				delete(sessions, name)
			}
		}
		mutex.Unlock()
		w.Header().Set("Cache-Control", "no-store")
	})

	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<a href="/login">Sign in</a>`))
	})

	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

func userinfo(ctx context.Context, latchkey *oidc.Provider, token *oauth2.Token) (map[string]any, error) {
	info, err := latchkey.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, err
	}
	person := map[string]any{}
	return person, info.Claims(&person)
}

// Every sign-in gets a new name, so that no user can choose the session of another.
func keep(w http.ResponseWriter, one *session) {
	name := oauth2.GenerateVerifier()
	mutex.Lock()
	sessions[name] = one
	mutex.Unlock()
	http.SetCookie(w, &http.Cookie{Name: "app", Value: name, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func sessionOf(r *http.Request) (string, *session) {
	cookie, err := r.Cookie("app")
	if err != nil {
		return "", nil
	}
	mutex.Lock()
	defer mutex.Unlock()
	return cookie.Value, sessions[cookie.Value]
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
