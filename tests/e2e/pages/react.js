// auth0-react: whoever opens the page logs in.
const { Auth0Provider, useAuth0 } = reactAuth0;
const { createElement, useEffect } = React;

function App() {
  const { user, isLoading, loginWithRedirect } = useAuth0();
  useEffect(() => {
    if (!isLoading && !user) loginWithRedirect();
  }, [isLoading, user]);
  return user ? user.email : null;
}

// docs: react
const tenant = {
  domain: AUTH0_DOMAIN,
  clientId: "spa",
  authorizationParams: { redirect_uri: CALLBACK },
};
const page = createElement(Auth0Provider, tenant, createElement(App)); // <Auth0Provider {...tenant}><App />
ReactDOM.createRoot(document.getElementById("root")).render(page);
// end
