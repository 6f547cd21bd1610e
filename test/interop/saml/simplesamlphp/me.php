<?php
// The application behind the service provider: who is signed in, what signs in and what signs out.
require_once '/usr/share/simplesamlphp/lib/_autoload.php';
$sp = new SimpleSAML\Auth\Simple('default-sp');
$home = getenv('BASE_URL') . '/me.php';
$options = ['ReturnTo' => $home];
if (isset($_GET['force'])) $options['ForceAuthn'] = true;
if (isset($_GET['format'])) $options['saml:NameIDPolicy'] = ['Format' => $_GET['format'], 'AllowCreate' => true];
if (isset($_GET['login'])) $sp->login($options);
if (isset($_GET['logout'])) $sp->logout($home);
if (!$sp->isAuthenticated()) {
    http_response_code(401);
    exit('Not signed in');
}
$name = $sp->getAuthData('saml:sp:NameID');
header('Content-Type: application/json');
echo json_encode(['name' => $name->getValue(), 'format' => $name->getFormat(), 'attributes' => $sp->getAttributes()]);
