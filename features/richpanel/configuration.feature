@richpanel @configuration
Feature: richpanel: what a deploy has to find applied

  Written by hand. The declared defaults stand in parameter_defaults.yaml, beside the plan.

  @CFG-DEFAULTS
  Scenario: [CFG-DEFAULTS] The applied configuration is the declared one
    Given nothing is switched on at this stage
    And all messages of this run
    Then the worker uses the flags of the declared defaults
    And the configuration that the system shows is the declared one
